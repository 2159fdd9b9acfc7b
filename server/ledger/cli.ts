import { rmSync } from 'node:fs';
import { mkdtemp } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { readConfig } from '../config.ts';
import { migrate, openDatabase } from '../database.ts';
import { Request } from './projections/requests.ts';
import { UsageBucket } from './projections/usage-buckets.ts';
import { UsageEvent } from './usage-event.entity.ts';
import { type Verdict, verifyLedger } from './verify.ts';

const usage = `Usage: npm run ledger -- verify [--json]
  verify   checks the hash chain, gaps, and that the projections equal a rebuild; also while the server runs`;

/** `npm run ledger -- verify`: the last line is the result, the exit status the verdict (0 sound, 1 not, 2 wrong call). */
async function main([command, ...flags]: string[]): Promise<number> {
  if (command !== 'verify' || flags.some((flag) => flag !== '--json')) {
    console.error(usage);
    return 2;
  }
  const verdict = await verify(readConfig().databaseFile);
  console.log(flags.includes('--json') ? JSON.stringify(verdict) : sentence(verdict));
  return verdict.isSound ? 0 : 1;
}

async function verify(file: string): Promise<Verdict> {
  const entities = [UsageEvent, Request, UsageBucket];
  const folder = await mkdtemp(join(tmpdir(), 'ledger-verify-'));
  const ledger = await openDatabase(file, entities, 'read');
  const scratch = await openDatabase(join(folder, 'rebuilt.db'), entities, 'write');
  try {
    await migrate(scratch);
    return await verifyLedger(ledger, scratch, (position) => {
      if (process.stderr.isTTY) process.stderr.write(`\rposition ${position}`);
    });
  } finally {
    if (process.stderr.isTTY) process.stderr.write('\r\u001b[K');
    await scratch.close();
    await ledger.close();
    rmSync(folder, { recursive: true });
  }
}

function sentence({ isSound, eventCount, headHash, problem }: Verdict): string {
  return isSound ? `sound: ${eventCount} events, head ${headHash}` : `NOT SOUND: ${problem}`;
}

process.exitCode = await main(process.argv.slice(2));
