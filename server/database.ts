import { mkdirSync } from 'node:fs';
import { dirname } from 'node:path';
import type { EntitySchema } from '@mikro-orm/core';
import { Migrator } from '@mikro-orm/migrations';
import { type EntityClass, MikroORM } from '@mikro-orm/sqlite';
import type { Database } from 'better-sqlite3';
import { Migration20261123000000_initial } from './migrations/Migration20261123000000_initial.ts';

export type Orm = MikroORM;
/** The connection beneath the ORM, for prepared statements on the hot path. */
export type Connection = Database;
export type Entities = readonly (EntityClass<object> | EntitySchema)[];

/** Oldest SQLite that is free of the WAL-reset bug (3.7.0 to 3.51.2 can corrupt a database that two connections checkpoint). */
const sqliteVersionMin = [3, 51, 3] as const;
const busyTimeoutMs = 10_000;

/** The database cannot be used; the message says why and what to do. */
export class DatabaseError extends Error {
  override name = 'DatabaseError';
}

/**
 * Opens the database file.
 * @param mode 'write' is for the one writer: every commit is on disk before it counts. 'read' refuses any change.
 */
export async function openDatabase(file: string, entities: Entities, mode: 'read' | 'write'): Promise<Orm> {
  mkdirSync(dirname(file), { recursive: true });
  const orm = await MikroORM.init({
    dbName: file,
    entities: [...entities],
    extensions: [Migrator],
    migrations: { migrationsList: [Migration20261123000000_initial], snapshot: false, transactional: true },
    // The writer opens the transaction of a whole batch itself.
    implicitTransactions: false,
    // What goes wrong is thrown; the rest is of no interest to who reads the log.
    logger: () => {},
  });
  const connection = await connectionOf(orm);
  connection.pragma(`busy_timeout = ${busyTimeoutMs}`);
  connection.pragma('journal_mode = WAL');
  connection.pragma('synchronous = FULL');
  connection.pragma('foreign_keys = ON');
  if (mode === 'read') connection.pragma('query_only = ON');
  requireSafeSqlite(connection);
  return orm;
}

/** Brings the schema up to date. @throws DatabaseError when the file was written by a newer version or another program. */
export async function migrate(orm: Orm): Promise<void> {
  const connection = await connectionOf(orm);
  const tables = connection.prepare(`select name from sqlite_master where type = 'table'`).pluck().all() as string[];
  if (tables.length > 0 && !tables.includes('usage_event')) {
    throw new DatabaseError('DATABASE_URL names a database of another program. Name a new file.');
  }
  if (tables.includes('mikro_orm_migrations')) requireKnownMigrations(connection);
  await orm.migrator.up();
}

export async function connectionOf(orm: Orm): Promise<Connection> {
  return (await orm.em.getConnection().getNativeClient()) as Connection;
}

function requireKnownMigrations(connection: Connection): void {
  const known: string[] = [Migration20261123000000_initial.name];
  const done = connection.prepare('select name from mikro_orm_migrations').pluck().all() as string[];
  const unknown = done.find((name) => !known.includes(name));
  if (unknown)
    throw new DatabaseError(
      `This database was written by a newer version (it has ${unknown}). Update, or restore a backup.`,
    );
}

function requireSafeSqlite(connection: Connection): void {
  const version = connection.prepare('select sqlite_version()').pluck().get() as string;
  const [major = 0, minor = 0, patch = 0] = version.split('.').map(Number);
  const [minMajor, minMinor, minPatch] = sqliteVersionMin;
  const isSafe =
    major > minMajor || (major === minMajor && (minor > minMinor || (minor === minMinor && patch >= minPatch)));
  if (!isSafe)
    throw new DatabaseError(`SQLite ${version} can corrupt data; ${sqliteVersionMin.join('.')} or newer is needed.`);
}
