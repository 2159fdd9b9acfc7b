import { randomUUIDv7 } from 'node:crypto';
import type { Orm } from '../database.ts';
import type { JobRow } from '../jobs/jobs.ts';
import type { Execute } from '../ledger/commands.ts';
import { maskKey, type Vault } from '../secrets/vault.ts';
import { type FailureClass, rejectionEndMs } from './classify-failure.ts';
import { checkChange, type KeyChange } from './key-change.ts';
import { writeKeyCsv } from './key-csv.ts';
import { type KeyMarks, marksOf, noMarks } from './key-marks.ts';
import type { KeyChangeRow, manyKeysCommands } from './many-keys-commands.ts';
import type { ImportRow } from './plan-import.ts';
import type { Pool } from './pool.ts';
import { UpstreamKey, type UpstreamKeySource } from './upstream-key.entity.ts';
import type { Addition, upstreamKeyCommands } from './upstream-key-commands.ts';

/** The pool's keys at rest: what is changed here is changed in the pool as soon as it is committed. */
export interface UpstreamKeys {
  /** @throws LedgerUnavailable */
  add(apiKey: string, source: UpstreamKeySource, actor: string): Promise<Addition>;
  /** Adds the keys of some rows of an import and keeps what came of each with the job, in one transaction. @throws LedgerUnavailable */
  importRows(jobId: string, rows: readonly (ImportRow & { number: number })[], actor: string): Promise<JobRow[]>;
  /** @throws Refusal */
  setEnabled(id: string, isEnabled: boolean, actor: string): Promise<void>;
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
  execute: Execute<typeof upstreamKeyCommands & typeof manyKeysCommands>;
  orm: Orm;
  vault: Vault;
  pool: Pool;
}

const boundTo = (id: string) => `upstream_key:${id}`;

/** Opens every stored key and puts it into the pool. */
export async function loadUpstreamKeys({ execute, orm, vault, pool }: UpstreamKeysParts): Promise<UpstreamKeys> {
  const rows = await orm.em.fork().find(UpstreamKey, {}, { orderBy: { id: 'asc' } });
  const details = new Map<string, KeyDetails>();
  for (const row of rows) {
    const { id, maskedKey, source, createdAt, ciphertext, isEnabled, rejection, rejectionMessage, rejectedAt } = row;
    details.set(id, { id, maskedKey, source, createdAt, ...marksOf(row), isDeleted: Boolean(row.deletedAt) });
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

  function sealed(apiKey: string) {
    const id = `uk_${randomUUIDv7().replaceAll('-', '')}`;
    return { id, fingerprint: vault.fingerprint('upstream-key', apiKey), ciphertext: vault.seal(apiKey, boundTo(id)) };
  }

  function added(apiKey: string, known: Omit<KeyDetails, 'maskedKey' | 'isDeleted'>): void {
    const { id } = known;
    const maskedKey = maskKey(apiKey);
    details.set(id, { ...known, maskedKey, isDeleted: false });
    pool.add({ id, maskedKey, apiKey, isEnabled: true, rejection: null });
  }

  function removed(id: string): void {
    pool.remove(id);
    const known = details.get(id);
    if (known) details.set(id, { ...known, isDeleted: true });
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
      const imported = given.map(({ number, text, problem, repeats, label, tags, group }) => {
        const maskedKey = maskKey(text);
        if (problem !== null) return { number, maskedKey, problem };
        const note = repeats === null ? null : `The same key as in row ${repeats}.`;
        return { number, maskedKey, note, key: { ...sealed(text), marks: { label, tags, group } } };
      });
      const { results, createdAt } = await execute('upstreamKey.import', { jobId, actor, rows: imported });
      for (const [index, { outcome, upstreamKeyId }] of results.entries()) {
        if (outcome !== 'ADDED' || upstreamKeyId === null) continue;
        const { text, label, tags, group } = given[index] as ImportRow;
        added(text, { id: upstreamKeyId, source: 'IMPORT', createdAt, label, tags, group });
      }
      return results;
    },
    async setEnabled(id, isEnabled, actor) {
      await execute('upstreamKey.update', { id, isEnabled, actor });
      pool.setEnabled(id, isEnabled);
    },
    async delete(id, actor) {
      await execute('upstreamKey.delete', { id, actor });
      removed(id);
    },
    async changeMany(ids, asked, actor) {
      const change = checkChange(asked);
      if ('problem' in change) return change;
      const { rows: results, changed } = await execute('upstreamKey.change', { ids, change, actor });
      for (const { id, isEnabled, label, tags, group } of changed) {
        if (change.kind === 'delete') removed(id);
        else if (change.kind === 'enable' || change.kind === 'disable') pool.setEnabled(id, isEnabled);
        const known = details.get(id);
        if (known) details.set(id, { ...known, label, tags, group });
      }
      return results;
    },
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
