import { randomUUIDv7 } from 'node:crypto';
import type { Orm } from '../database.ts';
import type { Execute } from '../ledger/commands.ts';
import { maskKey, type Vault } from '../secrets/vault.ts';
import type { FailureClass } from './classify-failure.ts';
import type { Pool } from './pool.ts';
import { UpstreamKey, type UpstreamKeySource } from './upstream-key.entity.ts';
import type { AddOutcome, upstreamKeyCommands } from './upstream-key-commands.ts';

/** The pool's keys at rest: what is changed here is changed in the pool as soon as it is committed. */
export interface UpstreamKeys {
  /** @throws LedgerUnavailable */
  add(apiKey: string, source: UpstreamKeySource, actor: string): Promise<AddOutcome>;
  /** @throws Refusal */
  setEnabled(id: string, isEnabled: boolean, actor: string): Promise<void>;
  /** The key itself is wiped; its history stays. @throws Refusal */
  delete(id: string, actor: string): Promise<void>;
}

interface UpstreamKeysParts {
  execute: Execute<typeof upstreamKeyCommands>;
  orm: Orm;
  vault: Vault;
  pool: Pool;
}

/** A rejection that Google may take back is tried again after a day. */
const reprobeMs = 86_400_000;
const boundTo = (id: string) => `upstream_key:${id}`;

/** Opens every stored key and puts it into the pool. */
export async function loadUpstreamKeys({ execute, orm, vault, pool }: UpstreamKeysParts): Promise<UpstreamKeys> {
  const rows = await orm.em.fork().find(UpstreamKey, { deletedAt: null }, { orderBy: { id: 'asc' } });
  for (const { id, maskedKey, ciphertext, isEnabled, rejection, rejectionMessage, rejectedAt } of rows) {
    if (!ciphertext) continue;
    const rejected = rejection
      ? { reason: rejection as FailureClass, message: rejectionMessage ?? '', untilMs: (rejectedAt ?? 0) + reprobeMs }
      : null;
    pool.add({ id, maskedKey, isEnabled, apiKey: vault.open(ciphertext, boundTo(id)), rejection: rejected });
  }

  return {
    async add(apiKey, source, actor) {
      const id = `uk_${randomUUIDv7().replaceAll('-', '')}`;
      const maskedKey = maskKey(apiKey);
      const { outcome } = await execute('upstreamKey.add', {
        id,
        maskedKey,
        fingerprint: vault.fingerprint('upstream-key', apiKey),
        ciphertext: vault.seal(apiKey, boundTo(id)),
        source,
        actor,
      });
      if (outcome === 'ADDED') pool.add({ id, maskedKey, apiKey, isEnabled: true, rejection: null });
      return outcome;
    },
    async setEnabled(id, isEnabled, actor) {
      await execute('upstreamKey.update', { id, isEnabled, actor });
      const key = pool.get(id);
      if (key) key.isEnabled = isEnabled;
    },
    async delete(id, actor) {
      await execute('upstreamKey.delete', { id, actor });
      pool.remove(id);
    },
  };
}
