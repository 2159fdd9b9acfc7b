import { existsSync, mkdirSync, renameSync } from 'node:fs';
import { dirname } from 'node:path';
import type { EntitySchema } from '@mikro-orm/core';
import { Migrator } from '@mikro-orm/migrations';
import { type EntityClass, MikroORM } from '@mikro-orm/sqlite';
import type { Database } from 'better-sqlite3';
import { Migration20261123000000_initial } from './migrations/Migration20261123000000_initial.ts';
import { Migration20261124000000_thought_signatures } from './migrations/Migration20261124000000_thought_signatures.ts';
import { Migration20261125000000_resource_owners } from './migrations/Migration20261125000000_resource_owners.ts';
import { Migration20261126000000_client_key_models } from './migrations/Migration20261126000000_client_key_models.ts';
import { Migration20261127000000_key_care } from './migrations/Migration20261127000000_key_care.ts';
import { Migration20261128000000_client_request_ids } from './migrations/Migration20261128000000_client_request_ids.ts';
import { Migration20261129000000_pool_state } from './migrations/Migration20261129000000_pool_state.ts';
import { Migration20261130000000_key_settings } from './migrations/Migration20261130000000_key_settings.ts';
import { Migration20261201000000_money_and_limits } from './migrations/Migration20261201000000_money_and_limits.ts';

export type Orm = MikroORM;
/** The connection beneath the ORM, for prepared statements on the hot path. */
export type Connection = Database;
export type Entities = readonly (EntityClass<object> | EntitySchema)[];

/** Every migration, oldest first. */
const migrations = [
  Migration20261123000000_initial,
  Migration20261124000000_thought_signatures,
  Migration20261125000000_resource_owners,
  Migration20261126000000_client_key_models,
  Migration20261127000000_key_care,
  Migration20261128000000_client_request_ids,
  Migration20261129000000_pool_state,
  Migration20261130000000_key_settings,
  Migration20261201000000_money_and_limits,
];

/** Oldest SQLite that is free of the WAL-reset bug (3.7.0 to 3.51.2 can corrupt a database that two connections checkpoint). */
const sqliteVersionMin = [3, 51, 3] as const;
const busyTimeoutMs = 10_000;
/**
 * Instead of 2 MiB: the upper levels of all indexes stay in memory. The writer, which nearly always adds at their ends, needs fewer: after
 * most commits SQLite looks through every page that it keeps.
 */
const cacheKiB = { read: 16_384, write: 4096 };

/** Instead of 1000: pages that nearly every commit changes are moved from the log into the file less often. 16 MiB. */
const pagesPerCheckpoint = 4000;

/** The database cannot be used; the message says why and what to do. */
export class DatabaseError extends Error {
  override name = 'DatabaseError';
}

/**
 * Opens the database file; makes it and its folder when absent.
 * @param mode 'write' is for the one writer: every commit is on disk before it counts. 'read' refuses any change.
 * @throws DatabaseError
 */
export async function openDatabase(file: string, entities: Entities, mode: 'read' | 'write'): Promise<Orm> {
  mkdirSync(dirname(file), { recursive: true });
  const orm = await MikroORM.init({
    dbName: file,
    entities: [...entities],
    extensions: [Migrator],
    migrations: { migrationsList: migrations, snapshot: false, transactional: true },
    // The writer opens the transaction of a whole batch itself.
    implicitTransactions: false,
    // What goes wrong is thrown; the rest is of no interest to who reads the log.
    logger: () => {},
  });
  try {
    prepareConnection(await connectionOf(orm), mode);
    return orm;
  } catch (error) {
    await orm.close();
    if ((error as { code?: string }).code !== 'SQLITE_NOTADB') throw error;
    throw new DatabaseError('DATABASE_URL names a file that is no SQLite database. Name a new file.');
  }
}

function prepareConnection(connection: Connection, mode: 'read' | 'write'): void {
  requireSafeSqlite(connection.prepare('select sqlite_version()').pluck().get() as string);
  connection.pragma(`busy_timeout = ${busyTimeoutMs}`);
  connection.pragma('journal_mode = WAL');
  connection.pragma('synchronous = FULL');
  connection.pragma('foreign_keys = ON');
  if (mode === 'write') connection.pragma(`wal_autocheckpoint = ${pagesPerCheckpoint}`);
  connection.pragma(`cache_size = -${cacheKiB[mode]}`);
  if (mode === 'read') connection.pragma('query_only = ON');
}

/**
 * Brings the schema up to date. A database that holds something is copied first, beside itself under the name of the newest migration that it
 * has: whoever goes back to an older version of the program goes back to that.
 * @throws DatabaseError when the file was written by a newer version or another program.
 */
export async function migrate(orm: Orm): Promise<void> {
  const connection = await connectionOf(orm);
  requireOwnDatabase(connection);
  const applied = appliedMigrations(connection);
  const newest = applied.at(-1);
  if (newest !== undefined && applied.length < migrations.length) await keepCopy(connection, newest);
  await orm.migrator.up();
}

async function keepCopy(connection: Connection, newest: string): Promise<void> {
  const copy = `${connection.name}.before-update-from-${newest}`;
  if (existsSync(copy)) return;
  await connection.backup(`${copy}.new`);
  renameSync(`${copy}.new`, copy);
}

/** For readers that do not migrate. @throws DatabaseError unless the schema is the one of this version. */
export async function requireMigrated(orm: Orm): Promise<void> {
  const connection = await connectionOf(orm);
  requireOwnDatabase(connection);
  const isUpToDate = migrations.every(({ name }) => appliedMigrations(connection).includes(name));
  if (!isUpToDate) throw new DatabaseError('This database is of an older version. Start the server once to update it.');
}

export async function connectionOf(orm: Orm): Promise<Connection> {
  return (await orm.em.getConnection().getNativeClient()) as Connection;
}

function requireOwnDatabase(connection: Connection): void {
  const tables = tableNames(connection);
  // The migrator makes its own table first: a start that was cut short leaves that one alone.
  if (tables.some((table) => table !== migrationsTable) && !tables.includes('usage_event')) {
    throw new DatabaseError('DATABASE_URL names a database of another program. Name a new file.');
  }
  const known: string[] = migrations.map(({ name }) => name);
  const unknown = appliedMigrations(connection).find((name) => !known.includes(name));
  if (unknown) {
    throw new DatabaseError(
      `This database was written by a newer version (it has ${unknown}). Update, or restore a backup.`,
    );
  }
}

const migrationsTable = 'mikro_orm_migrations';

function appliedMigrations(connection: Connection): string[] {
  if (!tableNames(connection).includes(migrationsTable)) return [];
  return connection.prepare(`select name from ${migrationsTable} order by id`).pluck().all() as string[];
}

function tableNames(connection: Connection): string[] {
  return connection
    .prepare(`select name from sqlite_master where type = 'table' and name not like 'sqlite_%'`)
    .pluck()
    .all() as string[];
}

function requireSafeSqlite(version: string): void {
  const parts = version.split('.').map(Number);
  const difference = sqliteVersionMin.map((min, index) => (parts[index] ?? 0) - min).find((step) => step !== 0) ?? 0;
  if (difference >= 0) return;
  throw new DatabaseError(`SQLite ${version} can corrupt data; ${sqliteVersionMin.join('.')} or newer is needed.`);
}
