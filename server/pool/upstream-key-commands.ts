import { type CommandHandler, Refusal, type Transaction } from '../ledger/commands.ts';
import { type KeyMarks, marksOf, noMarks } from './key-marks.ts';
import { UpstreamKey, type UpstreamKeySource } from './upstream-key.entity.ts';

export interface AddUpstreamKey {
  id: string;
  maskedKey: string;
  fingerprint: string;
  ciphertext: string;
  source: UpstreamKeySource;
  /** Absent: none. */
  marks?: KeyMarks;
  actor: string;
}

/** DUPLICATE: it is there. SKIPPED: it was deleted here and the environment may not bring it back. */
export type AddOutcome = 'ADDED' | 'DUPLICATE' | 'SKIPPED';

/** `id` is that of the key that is there now; null for a skipped one. */
export interface Addition {
  outcome: AddOutcome;
  id: string | null;
  /** When this was decided, ms since 1970. */
  createdAt: number;
}

export const addUpstreamKey: CommandHandler<AddUpstreamKey, Addition> = async (
  { em, now },
  { actor, marks = noMarks, ...key },
) => {
  const known = await em.findOne(UpstreamKey, { fingerprint: key.fingerprint });
  if (known && known.deletedAt === null)
    return { events: [], result: { outcome: 'DUPLICATE', id: known.id, createdAt: now } };
  if (known && key.source === 'ENVIRONMENT')
    return { events: [], result: { outcome: 'SKIPPED', id: null, createdAt: now } };
  // A sealed key opens only in the row with the id it was sealed for, so a deleted row makes place for a new one.
  if (known) await em.nativeDelete(UpstreamKey, { id: known.id });
  const fresh = {
    isEnabled: true,
    rejection: null,
    rejectionMessage: null,
    rejectedAt: null,
    deletedAt: null,
  };
  await em.insert(UpstreamKey, { ...key, ...marks, ...fresh, createdAt: now, updatedAt: now });
  const { id: upstreamKeyId, maskedKey, source } = key;
  return {
    events: [
      {
        body: { type: 'UpstreamKeyAdded', upstreamKeyId, maskedKey, source, ...shownMarks(marks) },
        actor,
        occurredAt: now,
      },
    ],
    result: { outcome: 'ADDED', id: upstreamKeyId, createdAt: now },
  };
};

const update: CommandHandler<{ id: string; isEnabled: boolean; actor: string }, null> = async (
  transaction,
  { id, isEnabled, actor },
) => {
  const { em, now } = transaction;
  const { maskedKey, ...key } = await findKey(transaction, id);
  await em.nativeUpdate(UpstreamKey, { id }, { isEnabled, updatedAt: now });
  const marks = shownMarks(marksOf(key));
  const body = { type: 'UpstreamKeyUpdated', upstreamKeyId: id, maskedKey, isEnabled, ...marks } as const;
  return { events: [{ body, actor, occurredAt: now }], result: null };
};

const remove: CommandHandler<{ id: string; actor: string }, null> = async (transaction, { id, actor }) => {
  const { em, now } = transaction;
  const { maskedKey } = await findKey(transaction, id);
  await em.nativeUpdate(UpstreamKey, { id }, { ciphertext: null, isEnabled: false, deletedAt: now, updatedAt: now });
  return {
    events: [{ body: { type: 'UpstreamKeyDeleted', upstreamKeyId: id, maskedKey }, actor, occurredAt: now }],
    result: null,
  };
};

/** Google refuses the key: kept, so that a restart does not try a dead key again. */
const reject: CommandHandler<{ id: string; failure: string; message: string }, null> = async (transaction, input) => {
  const { em, now } = transaction;
  const { id, failure, message } = input;
  await findKey(transaction, id);
  await em.nativeUpdate(
    UpstreamKey,
    { id },
    { rejection: failure, rejectionMessage: message, rejectedAt: now, updatedAt: now },
  );
  return {
    events: [
      { body: { type: 'UpstreamKeyRejected', upstreamKeyId: id, failure, message }, actor: 'gateway', occurredAt: now },
    ],
    result: null,
  };
};

/** Google accepts the key again. Nothing to do for one that was not rejected, or is gone meanwhile. */
const restore: CommandHandler<{ id: string }, null> = async ({ em, now }, { id }) => {
  const restored = { rejection: null, rejectionMessage: null, rejectedAt: null, updatedAt: now };
  const count = await em.nativeUpdate(UpstreamKey, { id, deletedAt: null, rejection: { $ne: null } }, restored);
  const event = {
    body: { type: 'UpstreamKeyRestored', upstreamKeyId: id },
    actor: 'gateway',
    occurredAt: now,
  } as const;
  return { events: count > 0 ? [event] : [], result: null };
};

export const upstreamKeyCommands = {
  'upstreamKey.add': addUpstreamKey,
  'upstreamKey.update': update,
  'upstreamKey.delete': remove,
  'upstreamKey.reject': reject,
  'upstreamKey.restore': restore,
};

/** As events tell them: what there is none of is absent. */
export function shownMarks({ label, tags, group }: KeyMarks) {
  return { ...(label !== null && { label }), ...(tags.length > 0 && { tags }), ...(group !== null && { group }) };
}

async function findKey({ em }: Transaction, id: string): Promise<UpstreamKey> {
  const key = await em.findOne(UpstreamKey, { id, deletedAt: null });
  if (!key) throw new Refusal('not_found', 'There is no upstream key with this id.');
  return key;
}
