import { existsSync } from 'node:fs';
import { join } from 'node:path';
import type { Config } from '../../config.ts';
import { loadSecrets } from '../../secrets/load-secrets.ts';
import { checkExport } from '../check-export.ts';
import type { Sign } from '../keeping/seal.ts';
import { type Verdict, verifyLedger } from '../verify.ts';
import type { Command, Outcome } from './command.ts';
import { openLedger, withScratch } from './databases.ts';
import { createProgress } from './progress.ts';

/** Changes nothing; the server may be running. */
export const verify: Command = {
  usage: `verify [--chain | --file <export>]
    Checks every event against its hash, the positions for gaps, the seals of days, and every figure against a rebuild from the
    events. Changes nothing; the server may be running. --chain checks the events alone, several times as fast;
    --file an export (ndjson) by itself, without any database.`,
  options: { chain: { type: 'boolean', default: false }, file: { type: 'string' } },
  async run({ chain, file }, config) {
    if (typeof file === 'string') return toOutcome(await checkExport(file));
    const ledger = await openLedger(config.databaseFile, 'read');
    try {
      const sign = signOf(config);
      const progress = createProgress('checked');
      const verdict = chain
        ? await verifyLedger(ledger, null, progress, sign)
        : await withScratch((scratch) => verifyLedger(ledger, scratch, progress, sign));
      return toOutcome(verdict);
    } finally {
      await ledger.close();
    }
  },
};

/** Null where the key is not at hand: it is not made up here. */
export function signOf(config: Config): Sign | null {
  if (config.encryptionKey === null && !existsSync(join(config.dataDir, 'encryption-key'))) return null;
  const { vault } = loadSecrets(config.dataDir, config);
  return (text) => vault.fingerprint('ledger-seal', text);
}

function toOutcome(verdict: Verdict): Outcome {
  return { isGood: verdict.isSound, sentence: sentenceOf(verdict), data: verdict };
}

function sentenceOf({ problem, headPosition, headHash, projectionsHash }: Verdict): string {
  if (problem) return `NOT SOUND: ${problem}.`;
  const figures = projectionsHash === null ? '' : `, projections ${projectionsHash}`;
  return `SOUND: ${headPosition} events, head ${headHash}${figures}.`;
}
