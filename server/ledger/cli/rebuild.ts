import { lockDataDir } from '../../lock-data-dir.ts';
import { rebuildProjections } from '../rebuild.ts';
import type { Command } from './command.ts';
import { openLedger, withScratch } from './databases.ts';
import { createProgress } from './progress.ts';

export const rebuild: Command = {
  usage: `rebuild
    Derives every table of figures anew from the events, archived ones included, and swaps them in. Stop the server first.`,
  options: {},
  async run(_options, { dataDir, databaseFile }) {
    const unlock = lockDataDir(dataDir);
    const ledger = await openLedger(databaseFile, 'write');
    try {
      const position = await withScratch(
        (scratch) => rebuildProjections(ledger, scratch, createProgress('rebuilt from')),
        databaseFile,
      );
      return { isGood: true, sentence: `REBUILT from ${position} events.`, data: { eventCount: position } };
    } finally {
      await ledger.close();
      unlock();
    }
  },
};
