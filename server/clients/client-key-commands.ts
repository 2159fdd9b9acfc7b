import { type CommandHandler, Refusal, type Transaction } from '../ledger/commands.ts';
import { ClientKey } from './client-key.entity.ts';
import { type ClientTerms, noTerms, shownTerms } from './limits/terms.ts';

interface Create {
  id: string;
  name: string;
  secretHash: string;
  prefix: string;
  lastFour: string;
  /** Null or absent: all. */
  allowedModels?: string[] | null;
  /** What is left out is as usual. */
  terms?: Partial<ClientTerms>;
  actor: string;
}

const create: CommandHandler<Create, null> = async ({ em, now }, { actor, ...key }) => {
  if (await em.findOne(ClientKey, { secretHash: key.secretHash })) {
    throw new Refusal('conflict', 'A client key with this secret exists already.');
  }
  const terms = { ...noTerms, ...key.terms };
  const fresh = { isEnabled: true, createdAt: now, updatedAt: now, deletedAt: null };
  await em.insert(ClientKey, { ...key, ...fresh, terms: shownTerms(terms) });
  const body = { type: 'ClientKeyCreated', clientKeyId: key.id, ...shown({ ...key, terms }) } as const;
  return { events: [{ body, actor, occurredAt: now }], result: null };
};

interface Update {
  id: string;
  name?: string;
  isEnabled?: boolean;
  /** Null: all. */
  allowedModels?: string[] | null;
  /** What is left out stays. */
  terms?: Partial<ClientTerms>;
  actor: string;
}

const update: CommandHandler<Update, null> = async (transaction, { id, actor, ...changes }) => {
  const { em, now } = transaction;
  const key = await findKey(transaction, id);
  const name = changes.name ?? key.name;
  const isEnabled = changes.isEnabled ?? key.isEnabled;
  const allowedModels = changes.allowedModels === undefined ? key.allowedModels : changes.allowedModels;
  const terms = { ...noTerms, ...key.terms, ...changes.terms };
  await em.nativeUpdate(
    ClientKey,
    { id },
    { name, isEnabled, allowedModels, terms: shownTerms(terms), updatedAt: now },
  );
  const body = {
    type: 'ClientKeyUpdated',
    clientKeyId: id,
    isEnabled,
    ...shown({ name, allowedModels, terms }),
  } as const;
  return {
    events: [{ body, actor, occurredAt: now }],
    result: null,
  };
};

const remove: CommandHandler<{ id: string; actor: string }, null> = async (transaction, { id, actor }) => {
  const { em, now } = transaction;
  const { name } = await findKey(transaction, id);
  await em.nativeUpdate(ClientKey, { id }, { secretHash: null, isEnabled: false, deletedAt: now, updatedAt: now });
  return {
    events: [{ body: { type: 'ClientKeyDeleted', clientKeyId: id, name }, actor, occurredAt: now }],
    result: null,
  };
};

export const clientKeyCommands = {
  'clientKey.create': create,
  'clientKey.update': update,
  'clientKey.delete': remove,
};

/** What the events of a key tell of it. */
function shown({ name, allowedModels, terms }: Pick<Create, 'name' | 'allowedModels'> & { terms: ClientTerms }) {
  return { name, ...(allowedModels && { allowedModels }), ...shownTerms(terms) };
}

async function findKey({ em }: Transaction, id: string): Promise<ClientKey> {
  const key = await em.findOne(ClientKey, { id, deletedAt: null });
  if (!key) throw new Refusal('not_found', 'There is no client key with this id.');
  return key;
}
