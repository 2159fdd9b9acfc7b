import { randomUUIDv7 } from 'node:crypto';
import type { Orm } from '../database.ts';
import type { Execute } from '../ledger/commands.ts';
import { maskKey, type Vault } from '../secrets/vault.ts';
import { type FailureClass, rejectionEndMs } from './classify-failure.ts';
import type { Pool } from './pool.ts';
import { UpstreamKey, type UpstreamKeySource } from './upstream-key.entity.ts';
import type { Addition, upstreamKeyCommands } from './upstream-key-commands.ts';

/** The pool's keys at rest: what is changed here is changed in the pool as soon as it is committed. */
export interface UpstreamKeys {
  /** @throws LedgerUnavailable */
  add(apiKey: string, source: UpstreamKeySource, actor: string): Promise<Addition>;
  /** @throws Refusal */
  setEnabled(id: string, isEnabled: boolean, actor: string): Promise<void>;
  /** The key itself is wiped; its history stays. @throws Refusal */
  delete(id: string, actor: string): Promise<void>;
  /** What is known about a key beside its state in the pool, also of a deleted one. */
  details(id: string): KeyDetails | undefined;
}

export type KeyDetails = Pick<UpstreamKey, 'id' | 'maskedKey' | 'source' | 'createdAt'> & { isDeleted: boolean };

interface UpstreamKeysParts {
  execute: Execute<typeof upstreamKeyCommands>;
  orm: Orm;
  vault: Vault;
  pool: Pool;
}

const boundTo = (id: string) => `upstream_key:${id}`;

/** Opens every stored key and puts it into the pool. */
export async function loadUpstreamKeys({ execute, orm, vault, pool }: UpstreamKeysParts): Promise<UpstreamKeys> {
  const rows = await orm.em.fork().find(UpstreamKey, {}, { orderBy: { id: 'asc' } });
  const details = new Map<string, KeyDetails>();
  for (const { id, maskedKey, source, createdAt, deletedAt } of rows)
    details.set(id, { id, maskedKey, source, createdAt, isDeleted: Boolean(deletedAt) });
  for (const { id, maskedKey, ciphertext, isEnabled, rejection, rejectionMessage, rejectedAt } of rows) {
    if (!ciphertext) continue;
    const message = rejectionMessage ?? '';
    const untilMs = rejectionEndMs(message, rejectedAt ?? 0);
    const rejected = rejection ? { reason: rejection as FailureClass, message, untilMs } : null;
    pool.add({ id, maskedKey, isEnabled, apiKey: vault.open(ciphertext, boundTo(id)), rejection: rejected });
  }

  pool.onChange(({ key, kind }) => {
    // If this cannot be written, nothing can, and the process ends; the key would only be checked once more after the next start.
    if (kind === 'restored') execute('upstreamKey.restore', { id: key.id }).catch(() => {});
  });

  return {
    async add(apiKey, source, actor) {
      const id = `uk_${randomUUIDv7().replaceAll('-', '')}`;
      const maskedKey = maskKey(apiKey);
      const addition = await execute('upstreamKey.add', {
        id,
        maskedKey,
        fingerprint: vault.fingerprint('upstream-key', apiKey),
        ciphertext: vault.seal(apiKey, boundTo(id)),
        source,
        actor,
      });
      if (addition.outcome === 'ADDED') {
        details.set(id, { id, maskedKey, source, createdAt: addition.createdAt, isDeleted: false });
        pool.add({ id, maskedKey, apiKey, isEnabled: true, rejection: null });
      }
      return addition;
    },
    async setEnabled(id, isEnabled, actor) {
      await execute('upstreamKey.update', { id, isEnabled, actor });
      pool.setEnabled(id, isEnabled);
    },
    async delete(id, actor) {
      await execute('upstreamKey.delete', { id, actor });
      pool.remove(id);
      const known = details.get(id);
      if (known) details.set(id, { ...known, isDeleted: true });
    },
    details: (id) => details.get(id),
  };
}
