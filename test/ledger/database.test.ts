import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import {
  connectionOf,
  DatabaseError,
  migrate,
  type Orm,
  openDatabase,
  requireMigrated,
} from '../../server/database.ts';
import { entities } from '../../server/entities.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';

async function withDatabase(prepare: string, check: (orm: Orm) => Promise<unknown>): Promise<void> {
  const orm = await openDatabase(join(temporaryFolder(), 'deep', 'pool.db'), entities, 'write');
  try {
    (await connectionOf(orm)).exec(prepare);
    await check(orm);
  } finally {
    await orm.close();
  }
}

describe('the database', () => {
  test('is durable: WAL with full synchronisation', () =>
    withDatabase('', async (orm) => {
      const connection = await connectionOf(orm);
      expect(connection.pragma('journal_mode', { simple: true })).toBe('wal');
      expect(connection.pragma('synchronous', { simple: true })).toBe(2);
      expect(connection.pragma('foreign_keys', { simple: true })).toBe(1);
    }));

  test('is migrated once, however often that is asked', () =>
    withDatabase('', async (orm) => {
      await expect(requireMigrated(orm)).rejects.toThrow('older version');
      await migrate(orm);
      await migrate(orm);
      await requireMigrated(orm);
    }));

  test('of another program is refused', () =>
    withDatabase('create table api_keys (id text)', async (orm) => {
      await expect(migrate(orm)).rejects.toThrow('another program');
    }));

  test('of a newer version is refused by name', () =>
    withDatabase('', async (orm) => {
      await migrate(orm);
      (await connectionOf(orm)).exec(
        `insert into mikro_orm_migrations (name, executed_at) values ('Migration20991231000000_later', 0)`,
      );
      await expect(migrate(orm)).rejects.toThrow(DatabaseError);
      await expect(migrate(orm)).rejects.toThrow('Migration20991231000000_later');
    }));

  test('cannot be changed through a connection for reading', async () => {
    const file = join(temporaryFolder(), 'pool.db');
    const writing = await openDatabase(file, entities, 'write');
    await migrate(writing);
    const reading = await openDatabase(file, entities, 'read');
    const connection = await connectionOf(reading);
    expect(() => connection.exec('update ledger_head set position = 7')).toThrow('readonly');
    await reading.close();
    await writing.close();
  });
});
