import type { CommandHandler, Transaction } from '../ledger/commands.ts';
import type { UsageEventBody } from '../ledger/events.ts';
import { UpstreamKeyQuota, UpstreamKeyRest } from './key-state.entity.ts';
import type { QuotaLimit } from './quota.ts';
import { UpstreamKey } from './upstream-key.entity.ts';

/** What the gateway found out about a key, and from which failure. */
interface Finding {
  id: string;
  failure: string;
  /** Google's words, without keys. */
  message: string;
  /** Of Google's answer; null when there was none. */
  httpStatus: number | null;
}

/** Google refuses the key: kept, so that a restart does not try a dead key again. */
const reject: CommandHandler<Finding, null> = async ({ em, now }, { id, failure, message, httpStatus }) => {
  const rejected = { rejection: failure, rejectionMessage: message, rejectedAt: now, updatedAt: now };
  const count = await em.nativeUpdate(UpstreamKey, { id, deletedAt: null }, rejected);
  return found(count, { type: 'UpstreamKeyRejected', upstreamKeyId: id, failure, message, httpStatus }, now);
};

/** Google accepts the key again. Nothing to do for one that was not rejected, or is gone meanwhile. */
const restore: CommandHandler<{ id: string; by: 'request' | 'check' }, null> = async ({ em, now }, { id, by }) => {
  const restored = { rejection: null, rejectionMessage: null, rejectedAt: null, updatedAt: now };
  const count = await em.nativeUpdate(UpstreamKey, { id, deletedAt: null, rejection: { $ne: null } }, restored);
  return found(count, { type: 'UpstreamKeyRestored', upstreamKeyId: id, by }, now);
};

/** The key rests for a model, or for all (null). */
const rest: CommandHandler<Finding & { model: string | null; until: number }, null> = async (
  { em, now },
  { id, model, until, failure, message, httpStatus },
) => {
  const count = await em.count(UpstreamKey, { id, deletedAt: null });
  if (count > 0) {
    await em.nativeDelete(UpstreamKeyRest, { upstreamKeyId: id, until: { $lte: now } });
    await em.upsert(UpstreamKeyRest, {
      upstreamKeyId: id,
      model: model ?? '',
      until,
      reason: failure,
      message,
    } as UpstreamKeyRest);
  }
  const body = { type: 'UpstreamKeyRested', upstreamKeyId: id, model, until, failure, message, httpStatus } as const;
  return found(count, body, now);
};

/** A refusal told limits that were not known. */
const learnQuotas: CommandHandler<{ id: string; model: string; limits: readonly QuotaLimit[] }, null> = async (
  { em, now },
  { id, model, limits },
) => {
  const count = await em.count(UpstreamKey, { id, deletedAt: null });
  if (count > 0)
    for (const { kind, limit } of limits)
      await em.upsert(UpstreamKeyQuota, { upstreamKeyId: id, model, kind, limit, learnedAt: now });
  return found(count, { type: 'UpstreamQuotasLearned', upstreamKeyId: id, model, limits: [...limits] }, now);
};

/** For keys that are wiped. @returns what forgets one of them */
export function forgetState({ connection }: Pick<Transaction, 'connection'>): (id: string) => void {
  const statements = ['upstream_key_rest', 'upstream_key_quota'].map((table) =>
    connection.prepare(`delete from ${table} where upstream_key_id = ?`),
  );
  return (id) => {
    for (const statement of statements) statement.run(id);
  };
}

export const keyStateCommands = {
  'upstreamKey.reject': reject,
  'upstreamKey.restore': restore,
  'upstreamKey.rest': rest,
  'upstreamKey.learnQuotas': learnQuotas,
};

/** Nothing is told of a key that was deleted meanwhile. */
function found(count: number, body: UsageEventBody, now: number) {
  return { events: count > 0 ? [{ body, actor: 'gateway', occurredAt: now }] : [], result: null };
}
