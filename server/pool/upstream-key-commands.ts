import { type CommandHandler, Refusal, type Transaction } from '../ledger/commands.ts';
import { type KeyMarks, marksOf, noMarks } from './key-marks.ts';
import type { SealedProxy } from './key-settings-commands.ts';
import { forgetState } from './key-state-commands.ts';
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
    weight: 1,
    connectionsMax: null,
    proxy: null,
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

/** What can be changed of one key; what is absent stays. */
export interface UpdateUpstreamKey {
  id: string;
  isEnabled?: boolean;
  weight?: number;
  /** Null: any number. */
  connectionsMax?: number | null;
  /** Null: none of its own. */
  proxy?: SealedProxy | null;
  actor: string;
}

const update: CommandHandler<UpdateUpstreamKey, null> = async (transaction, { id, actor, proxy, ...changes }) => {
  const { em, now } = transaction;
  const key = await findKey(transaction, id);
  const sealed = proxy === undefined ? {} : { proxy: proxy?.sealed ?? null };
  await em.nativeUpdate(UpstreamKey, { id }, { ...changes, ...sealed, updatedAt: now });
  const { isEnabled, weight, connectionsMax } = { ...key, ...changes };
  const body = {
    type: 'UpstreamKeyUpdated',
    upstreamKeyId: id,
    maskedKey: key.maskedKey,
    isEnabled,
    ...shownMarks(marksOf(key)),
    ...(weight !== 1 && { weight }),
    ...(connectionsMax && { connectionsMax }),
    ...(proxy !== undefined && { proxy: proxy?.shown ?? null }),
  } as const;
  return { events: [{ body, actor, occurredAt: now }], result: null };
};

const remove: CommandHandler<{ id: string; actor: string }, null> = async (transaction, { id, actor }) => {
  const { em, now } = transaction;
  const { maskedKey } = await findKey(transaction, id);
  const wiped = { ciphertext: null, proxy: null, isEnabled: false, deletedAt: now, updatedAt: now };
  await em.nativeUpdate(UpstreamKey, { id }, wiped);
  forgetState(transaction)(id);
  return {
    events: [{ body: { type: 'UpstreamKeyDeleted', upstreamKeyId: id, maskedKey }, actor, occurredAt: now }],
    result: null,
  };
};

export const upstreamKeyCommands = {
  'upstreamKey.add': addUpstreamKey,
  'upstreamKey.update': update,
  'upstreamKey.delete': remove,
};

/** As events tell them: what there is none of is absent. */
export function shownMarks({ label, tags, group, project }: KeyMarks) {
  return {
    ...(label !== null && { label }),
    ...(tags.length > 0 && { tags }),
    ...(group !== null && { group }),
    ...(project !== null && { project }),
  };
}

async function findKey({ em }: Transaction, id: string): Promise<UpstreamKey> {
  const key = await em.findOne(UpstreamKey, { id, deletedAt: null });
  if (!key) throw new Refusal('not_found', 'There is no upstream key with this id.');
  return key;
}
