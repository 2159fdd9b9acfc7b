import { copyFileSync, existsSync, mkdirSync, renameSync, rmSync } from 'node:fs';
import { dirname } from 'node:path';
import type { Config } from '../../config.ts';
import { DatabaseError, migrate, openDatabase } from '../../database.ts';
import { entities } from '../../entities.ts';
import { lockDataDir } from '../../lock-data-dir.ts';
import { requireWhole } from '../keeping/backup.ts';
import { catchUpLedger } from '../projector.ts';
import { type Verdict, verifyLedger } from '../verify.ts';
import type { Command } from './command.ts';
import { withScratch } from './databases.ts';
import { createProgress } from './progress.ts';
import { signOf } from './verify.ts';

export const restore: Command = {
  usage: `restore --from <file> [--force]
    Puts a backup in the place of the database, after its chain and every figure in it were found sound. Stop the server first. An
    existing database is kept under another name, and is only replaced with --force.`,
  options: { from: { type: 'string' }, force: { type: 'boolean', default: false } },
  async run({ from, force }, config) {
    if (typeof from !== 'string' || from === '') throw new Error('--from takes the file of a backup.');
    const { dataDir, databaseFile } = config;
    const unlock = lockDataDir(dataDir);
    const draft = `${databaseFile}.restoring`;
    try {
      if (existsSync(databaseFile) && !force)
        throw new DatabaseError(
          `${databaseFile} is there already. --force replaces it, and keeps it under another name.`,
        );
      await requireWhole(from);
      mkdirSync(dirname(databaseFile), { recursive: true });
      removeDatabase(draft);
      copyFileSync(from, draft);
      const verdict = await prepare(draft, config);
      if (!verdict.isSound)
        throw new DatabaseError(`The backup is not sound: ${verdict.problem}. Nothing was changed.`);
      const replaced = swapIn(draft, databaseFile);
      const kept = replaced === null ? '' : ` What was there before is now ${replaced}.`;
      const sentence = `RESTORED ${verdict.headPosition} events, head ${verdict.headHash}.${kept}`;
      return { isGood: true, sentence, data: { ...verdict, replaced } };
    } finally {
      removeDatabase(draft);
      unlock();
    }
  },
};

/** Brings a copy up to date and checks all of it. Archives are looked for beside the database that it will be. */
async function prepare(draft: string, config: Config): Promise<Verdict> {
  const orm = await openDatabase(draft, entities, 'write');
  try {
    await migrate(orm);
    await catchUpLedger(orm);
    return await withScratch((scratch) => verifyLedger(orm, scratch, createProgress('checked'), signOf(config)));
  } finally {
    await orm.close();
  }
}

/** @returns the name under which the old database is kept; null for none */
function swapIn(draft: string, databaseFile: string): string | null {
  const replaced = `${databaseFile}.before-restore-${new Date().toISOString().replaceAll(':', '')}`;
  const isThere = existsSync(databaseFile);
  // What the old one had not yet written into its file lies beside it.
  for (const suffix of ['', '-wal', '-shm'])
    if (existsSync(databaseFile + suffix)) renameSync(databaseFile + suffix, replaced + suffix);
  for (const suffix of ['', '-wal', '-shm'])
    if (existsSync(draft + suffix)) renameSync(draft + suffix, databaseFile + suffix);
  return isThere ? replaced : null;
}

function removeDatabase(file: string): void {
  for (const suffix of ['', '-wal', '-shm']) rmSync(file + suffix, { force: true });
}
