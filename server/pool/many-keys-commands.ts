import type { Connection } from '../database.ts';
import { type JobRowResult, recordRows } from '../jobs/job-commands.ts';
import type { CommandHandler, Transaction } from '../ledger/commands.ts';
import type { NewEvent } from '../ledger/events.ts';
import { type ChangeableKey, changeKey, type KeyChange } from './key-change.ts';
import { forgetState } from './key-state-commands.ts';
import { type AddUpstreamKey, addUpstreamKey, shownMarks } from './upstream-key-commands.ts';

/** A row of an import: a sealed key, or why it is none. */
export type ImportedRow = { number: number; maskedKey: string } & (
  | { key: Omit<AddUpstreamKey, 'maskedKey' | 'source' | 'actor'>; note: string | null }
  | { problem: string }
);

interface ImportRows {
  jobId: string;
  actor: string;
  rows: readonly ImportedRow[];
}

/** Adds keys and keeps what came of each, in one transaction: a crash neither adds a key twice nor forgets that it was added. */
const importRows: CommandHandler<ImportRows, { results: JobRowResult[]; createdAt: number }> = async (
  transaction,
  { jobId, actor, rows },
) => {
  const events: NewEvent[] = [];
  const results: JobRowResult[] = [];
  for (const row of rows) {
    const { number, maskedKey } = row;
    if ('problem' in row) {
      results.push({ number, maskedKey, outcome: 'INVALID', message: row.problem, upstreamKeyId: null });
      continue;
    }
    const effect = await addUpstreamKey(transaction, { ...row.key, maskedKey, source: 'IMPORT', actor });
    events.push(...effect.events);
    const { outcome, id } = effect.result;
    results.push({ number, maskedKey, outcome, message: row.note, upstreamKeyId: id });
  }
  recordRows(transaction.connection, jobId, results);
  return { events, result: { results, createdAt: transaction.now } };
};

/** What came of one key of a change to many. */
export interface KeyChangeRow {
  id: string;
  /** Empty for a key that is not there. */
  maskedKey: string;
  outcome: 'CHANGED' | 'UNCHANGED' | 'NOT_FOUND' | 'REFUSED';
  message: string | null;
}

interface ChangeKeys {
  ids: readonly string[];
  change: KeyChange;
  actor: string;
}

interface StoredKey extends ChangeableKey {
  id: string;
  maskedKey: string;
}

/** Changes many keys in one transaction, with an event for each that changed. Thousands are changed by prepared statements, not one by one through the ORM. */
const changeKeys: CommandHandler<ChangeKeys, { rows: KeyChangeRow[]; changed: StoredKey[] }> = (
  transaction,
  { ids, change, actor },
) => {
  const { connection, now } = transaction;
  const stored = readKeys(connection, ids);
  const write = writerOf(transaction, change);
  const events: NewEvent[] = [];
  const changed: StoredKey[] = [];
  const rows = ids.map((id): KeyChangeRow => {
    const key = stored.get(id);
    if (!key) return { id, maskedKey: '', outcome: 'NOT_FOUND', message: 'There is no upstream key with this id.' };
    const { maskedKey } = key;
    const result = changeKey(key, change);
    if (result.kind === 'refused') return { id, maskedKey, outcome: 'REFUSED', message: result.why };
    if (result.kind === 'same') return { id, maskedKey, outcome: 'UNCHANGED', message: null };
    const next = { ...result.key, id, maskedKey };
    write(next);
    changed.push(next);
    events.push({ body: eventOf(next, change), actor, occurredAt: now });
    return { id, maskedKey, outcome: 'CHANGED', message: null };
  });
  return { events, result: { rows, changed } };
};

function readKeys(connection: Connection, ids: readonly string[]): Map<string, StoredKey> {
  const rows = connection
    .prepare<
      [string],
      Record<'id' | 'maskedKey' | 'tags', string> &
        Record<'label' | 'group' | 'project', string | null> & { isEnabled: number }
    >(
      `select id, masked_key as maskedKey, label, tags, group_name as "group", project, is_enabled as isEnabled from upstream_key
       where deleted_at is null and id in (select value from json_each(?))`,
    )
    .all(JSON.stringify(ids));
  const keys = rows.map(({ tags, isEnabled, ...key }): [string, StoredKey] => [
    key.id,
    { ...key, tags: JSON.parse(tags) as string[], isEnabled: isEnabled === 1 },
  ]);
  return new Map(keys);
}

function writerOf(transaction: Transaction, change: KeyChange): (key: StoredKey) => void {
  const { connection, now } = transaction;
  if (change.kind === 'delete') {
    const forget = forgetState(transaction);
    const wipe = connection.prepare(
      'update upstream_key set ciphertext = null, proxy = null, is_enabled = 0, deleted_at = ?, updated_at = ? where id = ?',
    );
    return ({ id }) => {
      wipe.run(now, now, id);
      forget(id);
    };
  }
  const update = connection.prepare(
    'update upstream_key set is_enabled = ?, tags = ?, group_name = ?, project = ?, updated_at = ? where id = ?',
  );
  return ({ id, isEnabled, tags, group, project }) =>
    void update.run(Number(isEnabled), JSON.stringify(tags), group, project, now, id);
}

function eventOf(key: StoredKey, { kind }: KeyChange): NewEvent['body'] {
  const { id: upstreamKeyId, maskedKey, isEnabled } = key;
  if (kind === 'delete') return { type: 'UpstreamKeyDeleted', upstreamKeyId, maskedKey };
  return { type: 'UpstreamKeyUpdated', upstreamKeyId, maskedKey, isEnabled, ...shownMarks(key) };
}

/** Written before the keys leave the gateway. */
const noteExport: CommandHandler<{ ids: string[]; actor: string }, null> = ({ now }, { ids, actor }) => ({
  events: [{ body: { type: 'UpstreamKeysExported', count: ids.length, upstreamKeyIds: ids }, actor, occurredAt: now }],
  result: null,
});

export const manyKeysCommands = {
  'upstreamKey.import': importRows,
  'upstreamKey.change': changeKeys,
  'upstreamKey.noteExport': noteExport,
};
