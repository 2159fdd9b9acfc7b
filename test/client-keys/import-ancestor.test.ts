import { createHash, randomBytes } from 'node:crypto';
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { expect, test } from 'vitest';
import { loadClients } from '../../server/clients/clients.ts';
import { importAncestorKeys, isAncestorDatabase, readAncestorKeys } from '../../server/clients/import-ancestor.ts';
import { createVault } from '../../server/secrets/vault.ts';
import { openTestLedger } from '../support/ledger.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';

const oldSecret = 'gp_0123456789abcdef0123456789abcdef';

/** The tables as the old program made them. */
function ancestorFile(): string {
  const file = join(temporaryFolder(), 'gemini_pool.db');
  const database = new DatabaseSync(file);
  database.exec(`
    create table api_keys (id integer primary key autoincrement, key_name text not null, api_key text unique not null,
      is_active boolean not null default 1, created_at datetime not null default current_timestamp,
      total_requests integer not null default 0, total_input_tokens integer not null default 0,
      total_output_tokens integer not null default 0);
    create table usage_logs (id integer primary key autoincrement, api_key_id integer not null);
    insert into api_keys (key_name, api_key, is_active) values
      ('laptop', '${oldSecret}', 1), ('phone', 'short', 0), ('broken', '', 1), ('', 'nameless-key', 1);`);
  database.close();
  return file;
}

const hashOf = (file: string) => createHash('sha256').update(readFileSync(file)).digest('hex');

test('reads the keys of the old program and leaves its file alone', () => {
  const file = ancestorFile();
  const before = hashOf(file);
  expect(isAncestorDatabase(file)).toBe(true);
  expect(readAncestorKeys(file)).toEqual([
    { name: 'laptop', secret: oldSecret, isActive: true },
    { name: 'phone', secret: 'short', isActive: false },
    { name: 'unnamed', secret: 'nameless-key', isActive: true },
  ]);
  expect(hashOf(file)).toBe(before);
  expect(readdirSync(dirname(file))).toEqual(['gemini_pool.db']);
});

test('finds no keys in a file that is absent, no database, or of another program', async () => {
  const folder = temporaryFolder();
  writeFileSync(join(folder, 'text.db'), 'this is not a database at all');
  const { file: own } = await openTestLedger();
  for (const file of [join(folder, 'absent.db'), join(folder, 'text.db'), own]) {
    expect(isAncestorDatabase(file)).toBe(false);
    expect(readAncestorKeys(file)).toEqual([]);
  }
});

test('takes keys over once, switched off ones as such, and a deleted one never again', async () => {
  const { writer, orm } = await openTestLedger();
  const parts = { execute: writer.execute, orm, vault: createVault(randomBytes(32)) };
  const file = ancestorFile();
  expect(await importAncestorKeys(file, parts)).toBe(3);
  const clients = await loadClients(parts);
  expect(clients.find(oldSecret)).toMatchObject({ name: 'laptop', isEnabled: true });
  expect(clients.find('short')).toMatchObject({ name: 'phone', isEnabled: false });

  await clients.delete(clients.find(oldSecret)?.id ?? '', 'account:ac_1');
  expect(await importAncestorKeys(file, parts)).toBe(0);
  expect((await loadClients(parts)).find(oldSecret)).toBeNull();
});

test('leaves a key alone that somebody made by hand with the same secret', async () => {
  const { writer, orm } = await openTestLedger();
  const parts = { execute: writer.execute, orm, vault: createVault(randomBytes(32)) };
  await (await loadClients(parts)).create({ name: 'by hand', secret: oldSecret }, 'account:ac_1');
  expect(await importAncestorKeys(ancestorFile(), parts)).toBe(2);
  expect((await loadClients(parts)).find(oldSecret)?.name).toBe('by hand');
});
