import { hash, randomBytes, randomUUIDv7 } from 'node:crypto';
import type { Orm } from '../database.ts';
import type { Execute } from '../ledger/commands.ts';
import { plainId } from '../models/model-id.ts';
import { matchesPattern } from '../models/model-pattern.ts';
import type { Vault } from '../secrets/vault.ts';
import { ClientKey } from './client-key.entity.ts';
import type { clientKeyCommands } from './client-key-commands.ts';
import { generateSecret } from './generate-secret.ts';
import { budgetId, type ClientTerms, noTerms, type WantedBudget } from './limits/terms.ts';

/** Who calls `/v1`. */
export interface Client {
  id: string;
  name: string;
  isEnabled: boolean;
  /** Patterns of the models it may use, where `*` stands for anything; null for all. */
  allowedModels: readonly string[] | null;
  terms: ClientTerms;
}

/** Terms as they are wished for; what is left out stays, or is as usual. */
export type WantedTerms = Partial<Omit<ClientTerms, 'budgets'>> & { budgets?: readonly WantedBudget[] };

/** Whether a client may use a model. @param names What it asked for, and the id that would be called. */
export function mayUse({ allowedModels }: Pick<Client, 'allowedModels'>, ...names: string[]): boolean {
  if (allowedModels === null) return true;
  // Without the prefixes that any model may have: `gemini*` does not mean `gemini/gemma-4`.
  const ids = names.map(plainId);
  return allowedModels.some((pattern) => ids.some((id) => matchesPattern(plainId(pattern), id)));
}

/** Whether a client may use every model. */
export function mayUseAll({ allowedModels }: Pick<Client, 'allowedModels'>): boolean {
  return allowedModels === null || allowedModels.includes('*');
}

export interface Clients {
  /** The client that a secret belongs to. From memory: no database on the way of a request. */
  find(secret: string): Client | null;
  /** By its id; null for one that was deleted. */
  get(id: string): Client | null;
  /** The secret is returned here once and is kept only as a hash. @throws Refusal */
  create(
    input: { name: string; secret?: string; allowedModels?: string[] | null; terms?: WantedTerms },
    actor: string,
  ): Promise<{ id: string; secret: string }>;
  /** What is left out stays. @throws Refusal */
  update(
    input: { id: string; name?: string; isEnabled?: boolean; allowedModels?: string[] | null; terms?: WantedTerms },
    actor: string,
  ): Promise<void>;
  /** Its history stays. @throws Refusal */
  delete(id: string, actor: string): Promise<void>;
}

interface ClientsParts {
  execute: Execute<typeof clientKeyCommands>;
  orm: Orm;
  vault: Pick<Vault, 'fingerprint'>;
}

const prefixCharacters = 7;
/** Of an own secret less is shown: it may be a word that somebody can complete. */
const ownPrefixCharacters = 3;

/** By what a secret is recognised; without the vault's key it cannot be guessed at. */
export function clientSecretHash(vault: Pick<Vault, 'fingerprint'>, secret: string): string {
  return vault.fingerprint('client-key', secret);
}

/** What the dashboard shows of a secret. */
export function shownParts(secret: string): { prefix: string; lastFour: string } {
  const characters = secret.startsWith('gp_') ? prefixCharacters : ownPrefixCharacters;
  return { prefix: secret.slice(0, characters), lastFour: secret.slice(-4) };
}

/** Loads all client keys. Memory follows a command only once it was committed. */
export async function loadClients({ execute, orm, vault }: ClientsParts): Promise<Clients> {
  const byHash = new Map<string, Client>();
  const hashOf = (secret: string) => clientSecretHash(vault, secret);
  const rows = await orm.em.fork().find(ClientKey, { deletedAt: null });
  const byId = new Map<string, Client>();
  for (const { secretHash, id, name, isEnabled, allowedModels, terms } of rows) {
    const client = { id, name, isEnabled, allowedModels: allowedModels ?? null, terms: { ...noTerms, ...terms } };
    if (secretHash) byHash.set(secretHash, client);
    byId.set(id, client);
  }
  const known = createKnownSecrets();

  return {
    get: (id) => byId.get(id) ?? null,

    find: (secret) => known.find(secret, () => byHash.get(hashOf(secret)) ?? null),

    async create({ name, secret = generateSecret(), allowedModels = null, terms: wanted = {} }, actor) {
      const id = `ck_${randomUUIDv7().replaceAll('-', '')}`;
      const secretHash = hashOf(secret);
      const terms = withBudgetIds(id, wanted);
      await execute('clientKey.create', { id, name, secretHash, ...shownParts(secret), allowedModels, terms, actor });
      const client = { id, name, isEnabled: true, allowedModels, terms: { ...noTerms, ...terms } };
      byHash.set(secretHash, client);
      byId.set(id, client);
      return { id, secret };
    },

    async update({ terms: wanted = {}, ...input }, actor) {
      const terms = withBudgetIds(input.id, wanted);
      await execute('clientKey.update', { ...input, terms, actor });
      const client = byId.get(input.id);
      if (client) Object.assign(client, input, { terms: { ...client.terms, ...terms } });
    },

    async delete(id, actor) {
      await execute('clientKey.delete', { id, actor });
      const entry = [...byHash].find(([, client]) => client.id === id);
      if (entry) byHash.delete(entry[0]);
      byId.delete(id);
      known.forget();
    },
  };
}

function withBudgetIds(clientKeyId: string, { budgets, ...terms }: WantedTerms): Partial<ClientTerms> {
  if (!budgets) return terms;
  return { ...terms, budgets: budgets.map((budget) => ({ ...budget, id: budgetId(clientKeyId, budget) })) };
}

/**
 * Who has called before is found by a hash that takes a fifth of the time, with a key that lives and dies with this process: no secret
 * is in memory, and none can be guessed at without that key.
 */
function createKnownSecrets() {
  const key = randomBytes(32).toString('base64');
  const byQuickHash = new Map<string, Client>();
  return {
    find(secret: string, look: () => Client | null): Client | null {
      const quickHash = hash('sha256', key + secret, 'base64');
      const client = byQuickHash.get(quickHash) ?? look();
      if (client) byQuickHash.set(quickHash, client);
      return client;
    },
    /** A client is gone. */
    forget: () => byQuickHash.clear(),
  };
}
