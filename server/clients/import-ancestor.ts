import { existsSync } from 'node:fs';
import { DatabaseSync } from 'node:sqlite';
import type { Orm } from '../database.ts';
import { type Execute, Refusal } from '../ledger/commands.ts';
import type { Vault } from '../secrets/vault.ts';
import { ClientKey } from './client-key.entity.ts';
import type { clientKeyCommands } from './client-key-commands.ts';
import { clientSecretHash, shownParts } from './clients.ts';

/** A client key as the old Rust program kept it: in the clear. */
export interface AncestorKey {
  name: string;
  secret: string;
  isActive: boolean;
}

interface ImportParts {
  execute: Execute<typeof clientKeyCommands>;
  orm: Orm;
  vault: Pick<Vault, 'fingerprint'>;
}

const nameCharactersMax = 100;

/** Whether a file is the database of the old Rust program. */
export function isAncestorDatabase(file: string): boolean {
  return readTable(file) !== null;
}

/** The client keys of the old program's database, which is only read; none when the file is another or absent. */
export function readAncestorKeys(file: string): AncestorKey[] {
  return (readTable(file) ?? [])
    .filter(({ secret }) => secret !== '')
    .map(({ name, secret, isActive }) => ({
      name: name.trim().slice(0, nameCharactersMax) || 'unnamed',
      secret,
      isActive: isActive !== 0,
    }));
}

/**
 * Takes the old program's client keys over, whatever their length, so that its clients need no new ones. A key keeps its id from one
 * start to the next: taken over once, it is not again, also when it was deleted since. Run it before the clients are loaded.
 * @returns How many are new.
 */
export async function importAncestorKeys(file: string, { execute, orm, vault }: ImportParts): Promise<number> {
  const keys = readAncestorKeys(file).map((key) => ({ ...key, id: idOf(key.secret, vault) }));
  const known = await orm.em.fork().find(ClientKey, { id: { $in: keys.map(({ id }) => id) } });
  const knownIds = new Set(known.map(({ id }) => id));
  const actor = 'environment';

  async function take({ id, name, secret, isActive }: (typeof keys)[number]): Promise<boolean> {
    const created = execute('clientKey.create', {
      id,
      name,
      secretHash: clientSecretHash(vault, secret),
      ...shownParts(secret),
      actor,
    });
    // Sent in the same turn, so that both are committed together.
    const switchedOff = isActive ? null : execute('clientKey.update', { id, isEnabled: false, actor });
    const [first] = await Promise.allSettled([created, switchedOff]);
    if (first.status === 'fulfilled') return true;
    // Somebody made a key with this secret by hand.
    if (first.reason instanceof Refusal) return false;
    throw first.reason;
  }

  const taken = await Promise.all(keys.filter(({ id }) => !knownIds.has(id)).map(take));
  return taken.filter(Boolean).length;
}

/** Null when the file does not hold the old program's table. */
function readTable(file: string): { name: string; secret: string; isActive: number }[] | null {
  if (!existsSync(file)) return null;
  const database = new DatabaseSync(file, { readOnly: true });
  try {
    const tables = database.prepare(`select name from sqlite_master where type = 'table'`).all();
    const names = tables.map(({ name }) => name);
    if (!names.includes('api_keys') || !names.includes('usage_logs')) return null;
    const rows = database.prepare('select key_name, api_key, is_active from api_keys order by id').all();
    return rows.map((row) => ({
      name: String(row.key_name),
      secret: String(row.api_key),
      isActive: Number(row.is_active),
    }));
  } catch {
    return null;
  } finally {
    database.close();
  }
}

function idOf(secret: string, vault: Pick<Vault, 'fingerprint'>): string {
  const fingerprint = Buffer.from(vault.fingerprint('ancestor-client-key', secret), 'base64url');
  return `ck_${fingerprint.toString('hex').slice(0, 32)}`;
}
