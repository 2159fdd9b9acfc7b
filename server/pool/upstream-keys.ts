import { randomUUIDv7 } from 'node:crypto';
import type { Orm } from '../database.ts';
import type { JobRow } from '../jobs/jobs.ts';
import type { Execute } from '../ledger/commands.ts';
import { maskKey, type Vault } from '../secrets/vault.ts';
import type { Rest } from './choose-key.ts';
import { type Failure, type FailureClass, rejectionEndMs } from './classify-failure.ts';
import { checkChange, type KeyChange } from './key-change.ts';
import { writeKeyCsv } from './key-csv.ts';
import { type KeyMarks, marksOf, noMarks } from './key-marks.ts';
import { UpstreamKeyQuota, UpstreamKeyRest } from './key-state.entity.ts';
import type { keyStateCommands } from './key-state-commands.ts';
import type { KeyChangeRow, manyKeysCommands } from './many-keys-commands.ts';
import type { ImportRow } from './plan-import.ts';
import type { Pool, KeyChange as PoolChange } from './pool.ts';
import type { PoolKey } from './pool-key.ts';
import { UpstreamKey, type UpstreamKeySource } from './upstream-key.entity.ts';
import type { Addition, upstreamKeyCommands } from './upstream-key-commands.ts';

/** The pool's keys at rest: what is changed here is changed in the pool as soon as it is committed. */
export interface UpstreamKeys {
  /** @throws LedgerUnavailable */
  add(apiKey: string, source: UpstreamKeySource, actor: string): Promise<Addition>;
  /** Adds the keys of some rows of an import and keeps what came of each with the job, in one transaction. @throws LedgerUnavailable */
  importRows(jobId: string, rows: readonly (ImportRow & { number: number })[], actor: string): Promise<JobRow[]>;
  /** Calls the listener with the id of each key that came into another group. */
  onMove(listener: (id: string) => void): void;
  /** The key itself is wiped; its history stays. @throws Refusal */
  delete(id: string, actor: string): Promise<void>;
  /** Changes many keys in one transaction; a result for each id, in their order, or why no key can be changed so. @throws LedgerUnavailable */
  changeMany(ids: readonly string[], change: KeyChange, actor: string): Promise<KeyChangeRow[] | { problem: string }>;
  /** Keys in the clear, one per line or as a CSV with their marks; audited before they are handed out. Unknown ids are passed over. @throws LedgerUnavailable */
  export(ids: readonly string[], format: 'TEXT' | 'CSV', actor: string): Promise<{ content: string; count: number }>;
  /** What is known about a key beside its state in the pool, also of a deleted one. */
  details(id: string): KeyDetails | undefined;
}

export type KeyDetails = Pick<UpstreamKey, 'id' | 'maskedKey' | 'source' | 'createdAt'> &
  KeyMarks & { isDeleted: boolean };

interface UpstreamKeysParts {
  execute: Execute<typeof upstreamKeyCommands & typeof manyKeysCommands & typeof keyStateCommands>;
  orm: Orm;
  vault: Vault;
  pool: Pool;
  /** Wall clock, ms since 1970. */
  now(): number;
}

const boundTo = (id: string) => `upstream_key:${id}`;

/** Opens every stored key and puts it into the pool. */
export async function loadUpstreamKeys({ execute, orm, vault, pool, now }: UpstreamKeysParts): Promise<UpstreamKeys> {
  const em = orm.em.fork();
  const rows = await em.find(UpstreamKey, {}, { orderBy: { id: 'asc' } });
  const rests = Map.groupBy(await em.find(UpstreamKeyRest, { until: { $gt: now() } }), (row) => row.upstreamKeyId);
  const details = new Map<string, KeyDetails>();
  for (const row of rows) {
    const { id, maskedKey, source, createdAt, ciphertext, isEnabled, rejection, rejectionMessage, rejectedAt } = row;
    details.set(id, { id, maskedKey, source, createdAt, ...marksOf(row), isDeleted: Boolean(row.deletedAt) });
    if (!ciphertext) continue;
    const message = rejectionMessage ?? '';
    const untilMs = rejectionEndMs(message, rejectedAt ?? 0);
    const rejected = rejection ? { reason: rejection as FailureClass, message, untilMs } : null;
    const apiKey = vault.open(ciphertext, boundTo(id));
    const { project = null } = row;
    pool.add({ id, maskedKey, isEnabled, apiKey, rejection: rejected, project, ...restsIn(rests.get(id)) });
  }
  for (const { upstreamKeyId, model, kind, limit, learnedAt } of await em.find(UpstreamKeyQuota, {})) {
    const key = pool.get(upstreamKeyId);
    if (key) pool.quotas.recall(key, model, { limits: [{ kind, limit }], learnedAtMs: learnedAt }, now());
  }

  // If this cannot be written, nothing can, and the process ends; the pool would only find out once more after the next start.
  pool.onChange((change) => void record(change)?.catch(() => {}));

  /** Keeps what happened to a key beyond this process, with its cause. */
  function record(change: PoolChange): Promise<unknown> | null {
    const { id } = change.key;
    switch (change.kind) {
      case 'restored':
        return execute('upstreamKey.restore', { id, by: change.by });
      case 'rejected':
        return execute('upstreamKey.reject', { id, ...causeOf(change.failure) });
      case 'rested': {
        const { model, rest } = change;
        // Clients name models freely: what is not there is soon found out again, and the attempt tells of it.
        if (change.failure.class === 'model_not_found') return null;
        return execute('upstreamKey.rest', { id, model, until: Math.round(rest.untilMs), ...causeOf(change.failure) });
      }
      case 'learned':
        return execute('upstreamKey.learnQuotas', { id, model: change.model, limits: change.limits });
      case 'placed':
        return changeMany([id], { kind: 'project', project: change.project }, 'gateway');
      default:
        return null;
    }
  }

  const moveListeners = new Set<(id: string) => void>();

  function sealed(apiKey: string) {
    const id = `uk_${randomUUIDv7().replaceAll('-', '')}`;
    return { id, fingerprint: vault.fingerprint('upstream-key', apiKey), ciphertext: vault.seal(apiKey, boundTo(id)) };
  }

  function added(apiKey: string, known: Omit<KeyDetails, 'maskedKey' | 'isDeleted'>): void {
    const { id, project } = known;
    const maskedKey = maskKey(apiKey);
    details.set(id, { ...known, maskedKey, isDeleted: false });
    pool.add({ id, maskedKey, apiKey, isEnabled: true, rejection: null, project });
  }

  function removed(id: string): void {
    pool.remove(id);
    const known = details.get(id);
    if (known) details.set(id, { ...known, isDeleted: true });
  }

  async function changeMany(
    ids: readonly string[],
    asked: KeyChange,
    actor: string,
  ): Promise<KeyChangeRow[] | { problem: string }> {
    const change = checkChange(asked);
    if ('problem' in change) return change;
    const { rows: results, changed } = await execute('upstreamKey.change', { ids, change, actor });
    for (const { id, isEnabled, label, tags, group, project } of changed) {
      if (change.kind === 'delete') removed(id);
      else if (change.kind === 'enable' || change.kind === 'disable') pool.setEnabled(id, isEnabled);
      else if (change.kind === 'project') pool.setProject(id, project);
      const known = details.get(id);
      if (known) details.set(id, { ...known, label, tags, group, project });
      if (change.kind === 'move') for (const listener of moveListeners) listener(id);
    }
    return results;
  }

  return {
    async add(apiKey, source, actor) {
      const key = sealed(apiKey);
      const addition = await execute('upstreamKey.add', { ...key, maskedKey: maskKey(apiKey), source, actor });
      const { outcome, createdAt } = addition;
      if (outcome === 'ADDED') added(apiKey, { id: key.id, source, createdAt, ...noMarks });
      return addition;
    },
    async importRows(jobId, given, actor) {
      const imported = given.map(({ number, text, problem, repeats, label, tags, group, project }) => {
        const maskedKey = maskKey(text);
        if (problem !== null) return { number, maskedKey, problem };
        const note = repeats === null ? null : `The same key as in row ${repeats}.`;
        return { number, maskedKey, note, key: { ...sealed(text), marks: { label, tags, group, project } } };
      });
      const { results, createdAt } = await execute('upstreamKey.import', { jobId, actor, rows: imported });
      for (const [index, { outcome, upstreamKeyId }] of results.entries()) {
        if (outcome !== 'ADDED' || upstreamKeyId === null) continue;
        const { text, label, tags, group, project } = given[index] as ImportRow;
        added(text, { id: upstreamKeyId, source: 'IMPORT', createdAt, label, tags, group, project });
      }
      return results;
    },
    onMove: (listener) => void moveListeners.add(listener),
    async delete(id, actor) {
      await execute('upstreamKey.delete', { id, actor });
      removed(id);
    },
    changeMany,
    async export(ids, format, actor) {
      const keys = ids.flatMap((id) => pool.get(id) ?? []);
      await execute('upstreamKey.noteExport', { ids: keys.map(({ id }) => id), actor });
      if (format === 'TEXT') return { content: keys.map(({ apiKey }) => `${apiKey}\n`).join(''), count: keys.length };
      const marked = keys.map(({ id, apiKey }) => ({ ...noMarks, ...details.get(id), key: apiKey }));
      return { content: writeKeyCsv(marked), count: keys.length };
    },
    details: (id) => details.get(id),
  };
}

function causeOf({ class: failure, message, httpStatus }: Failure) {
  return { failure, message, httpStatus };
}

/** What a key rests from, and the failure behind the longest rest. */
function restsIn(rows: readonly UpstreamKeyRest[] = []): Pick<PoolKey, 'rest' | 'rests' | 'lastFailure'> {
  const rests = new Map<string, Rest>(rows.map(({ model, until, reason }) => [model, { untilMs: until, reason }]));
  const rest = rests.get(ofAllModels) ?? null;
  rests.delete(ofAllModels);
  const [longest] = rows.toSorted((a, b) => b.until - a.until);
  return { rest, rests, lastFailure: longest ? { class: longest.reason, message: longest.message } : null };
}

const ofAllModels = '';
