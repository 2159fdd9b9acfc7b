import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { connectionOf, DatabaseError, migrate, type Orm, openDatabase, requireMigrated } from '../../database.ts';
import { entities } from '../../entities.ts';

/** Opens the ledger for a command. @throws DatabaseError when there is none, or one of another version */
export async function openLedger(file: string, mode: 'read' | 'write'): Promise<Orm> {
  if (!existsSync(file)) throw new DatabaseError(`There is no database at ${file} yet. Start the server once.`);
  const orm = await openDatabase(file, entities, mode);
  try {
    await requireMigrated(orm);
    return orm;
  } catch (error) {
    await orm.close();
    throw error;
  }
}

/** Works with an empty, migrated database that is thrown away afterwards. @param besideFile Where it lies; else among temporary files. */
export async function withScratch<Result>(
  work: (scratch: Orm) => Promise<Result>,
  besideFile?: string,
): Promise<Result> {
  const folder = mkdtempSync(join(besideFile ? dirname(besideFile) : tmpdir(), 'gemini-pool-scratch-'));
  const scratch = await openDatabase(join(folder, 'rebuilt.db'), entities, 'write');
  try {
    await migrate(scratch);
    // Nobody needs it after a power cut.
    (await connectionOf(scratch)).pragma('synchronous = OFF');
    return await work(scratch);
  } finally {
    await scratch.close();
    rmSync(folder, { recursive: true, force: true });
  }
}
