import { connectionOf } from '../../database.ts';
import { version } from '../../version.ts';
import { backUp } from '../keeping/backup.ts';
import type { Command } from './command.ts';
import { openLedger } from './databases.ts';

export const backup: Command = {
  usage: `backup --output <file>
    Copies the database into a file, with a manifest beside it that tells what it holds and by which it is checked. The server may be
    running. Archives and secrets (DATA_DIR/archive, DATA_DIR/encryption-key) are files of their own: copy them too.`,
  options: { output: { type: 'string' } },
  async run({ output }, { databaseFile }) {
    if (typeof output !== 'string' || output === '')
      throw new Error('--output takes the name of a file that is not there yet.');
    const ledger = await openLedger(databaseFile, 'read');
    try {
      const about = { version, createdAt: new Date().toISOString() };
      const progress = createPageProgress();
      const manifest = await backUp(await connectionOf(ledger), output, about, progress);
      const { headPosition, headHash } = manifest;
      const sentence = `BACKED UP ${headPosition} events to ${output}, head ${headHash}.`;
      return { isGood: true, sentence, data: { ...manifest, output } };
    } finally {
      await ledger.close();
    }
  },
};

const everyMs = 1000;

function createPageProgress(): (pagesLeft: number) => void {
  let toldAt = performance.now();
  return (pagesLeft) => {
    if (performance.now() - toldAt < everyMs) return;
    toldAt = performance.now();
    console.error(`${pagesLeft} pages left`);
  };
}
