import { randomUUIDv7 } from 'node:crypto';
import { connectionOf } from '../../database.ts';
import { lockDataDir } from '../../lock-data-dir.ts';
import { loadSecrets } from '../../secrets/load-secrets.ts';
import { startWriter } from '../../writer/writer.ts';
import { archiveDays, sealDays } from '../keeping/keeper.ts';
import type { Command } from './command.ts';
import { openLedger } from './databases.ts';
import { createProgress } from './progress.ts';

export const archive: Command = {
  usage: `archive [--before <day>]
    Seals the days that are over and moves the events of days before <day> (for example 2026-11-01; default today, UTC) to
    compressed files beside the database. All totals stay as they are. Stop the server first; it does the same by itself where
    LEDGER_KEEP_DAYS is set.`,
  options: { before: { type: 'string' } },
  async run({ before }, config) {
    const beforeDay = readDay(before);
    const { dataDir, databaseFile } = config;
    const unlock = lockDataDir(dataDir);
    const orm = await openLedger(databaseFile, 'read');
    const writer = await startWriter(databaseFile, randomUUIDv7());
    try {
      const { vault } = loadSecrets(dataDir, config);
      const connection = await connectionOf(orm);
      const sign = (text: string) => vault.fingerprint('ledger-seal', text);
      const parts = { execute: writer.execute, connection, sign, now: Date.now };
      const sealedUpTo = await sealDays(parts);
      const eventCount = await archiveDays(parts, beforeDay, createProgress('archived up to'));
      const sentence = `ARCHIVED ${eventCount} events of days before ${beforeDay}.`;
      return { isGood: true, sentence, data: { eventCount, beforeDay, sealedUpTo } };
    } finally {
      await writer.close();
      await orm.close();
      unlock();
    }
  },
};

function readDay(text: string | boolean | undefined): string {
  if (text === undefined) return new Date().toISOString().slice(0, 10);
  if (typeof text === 'string' && /^\d{4}-\d\d-\d\d$/.test(text) && !Number.isNaN(Date.parse(text))) return text;
  throw new Error('--before takes a day such as 2026-11-01.');
}
