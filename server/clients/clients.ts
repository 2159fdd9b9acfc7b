import { randomUUIDv7 } from 'node:crypto';
import type { Orm } from '../database.ts';
import type { Execute } from '../ledger/commands.ts';
import type { Vault } from '../secrets/vault.ts';
import { ClientKey } from './client-key.entity.ts';
import type { clientKeyCommands } from './client-key-commands.ts';
import { generateSecret } from './generate-secret.ts';

/** Who calls `/v1`. */
export interface Client {
  id: string;
  name: string;
  isEnabled: boolean;
}

export interface Clients {
  /** The client that a secret belongs to. From memory: no database on the way of a request. */
  find(secret: string): Client | null;
  /** The secret is returned here once and is kept only as a hash. @throws Refusal */
  create(input: { name: string; secret?: string }, actor: string): Promise<{ id: string; secret: string }>;
  /** @throws Refusal */
  update(input: { id: string; name?: string; isEnabled?: boolean }, actor: string): Promise<void>;
  /** Its history stays. @throws Refusal */
  delete(id: string, actor: string): Promise<void>;
}

interface ClientsParts {
  execute: Execute<typeof clientKeyCommands>;
  orm: Orm;
  vault: Pick<Vault, 'fingerprint'>;
}

const prefixCharacters = 7;

/** Loads all client keys. Memory follows a command only once it was committed. */
export async function loadClients({ execute, orm, vault }: ClientsParts): Promise<Clients> {
  const byHash = new Map<string, Client>();
  const hashOf = (secret: string) => vault.fingerprint('client-key', secret);
  for (const { secretHash, id, name, isEnabled } of await orm.em.fork().find(ClientKey, { deletedAt: null })) {
    if (secretHash) byHash.set(secretHash, { id, name, isEnabled });
  }
  const entryOf = (id: string) => [...byHash].find(([, client]) => client.id === id);

  return {
    find: (secret) => byHash.get(hashOf(secret)) ?? null,

    async create({ name, secret = generateSecret() }, actor) {
      const id = `ck_${randomUUIDv7().replaceAll('-', '')}`;
      const secretHash = hashOf(secret);
      const shown = { prefix: secret.slice(0, prefixCharacters), lastFour: secret.slice(-4) };
      await execute('clientKey.create', { id, name, secretHash, ...shown, actor });
      byHash.set(secretHash, { id, name, isEnabled: true });
      return { id, secret };
    },

    async update(input, actor) {
      await execute('clientKey.update', { ...input, actor });
      const client = entryOf(input.id)?.[1];
      if (client) Object.assign(client, input);
    },

    async delete(id, actor) {
      await execute('clientKey.delete', { id, actor });
      const hash = entryOf(id)?.[0];
      if (hash) byHash.delete(hash);
    },
  };
}
