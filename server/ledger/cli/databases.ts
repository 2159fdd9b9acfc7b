import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import {
  type Connection,
  connectionOf,
  DatabaseError,
  migrate,
  type Orm,
  openDatabase,
  requireMigrated,
} from '../../database.ts';
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
    makeFast(await connectionOf(scratch));
    return await work(scratch);
  } finally {
    await scratch.close();
    rmSync(folder, { recursive: true, force: true });
  }
}

/** Nobody needs it after a power cut, and nobody asks it for anything but whole tables in their order. */
function makeFast(connection: Connection): void {
  connection.pragma('journal_mode = MEMORY');
  connection.pragma('synchronous = OFF');
  connection.pragma('cache_size = -65536');
  const indexes = connection
    .prepare<[], string>(
      `select name from sqlite_master where type = 'index' and sql is not null and sql not like 'create unique%'
         and tbl_name <> 'usage_event'`,
    )
    .pluck()
    .all();
  for (const index of indexes) connection.exec(`drop index ${index}`);
}
