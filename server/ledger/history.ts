import { createHash } from 'node:crypto';
import { existsSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { gunzipSync } from 'node:zlib';
import type { Connection } from '../database.ts';
import type { ChainLink } from './chain.ts';
import type { RecordedEvent, UsageEventBody } from './events.ts';
import type { Foreknowledge } from './projections/projection.ts';

/** An event as it is stored, in the table or in an archive: all that its hash covers, and the hash. */
export interface StoredEvent extends ChainLink {
  requestId: string | null;
  /** In hex. */
  hash: string;
}

/** Where sealed events were moved to. */
export interface ArchiveEntry {
  fromPosition: number;
  toPosition: number;
  file: string;
  sha256: string;
  headHash: string;
}

/** A part of the history is not where it should be; the message says which. */
export class HistoryIncomplete extends Error {
  override name = 'HistoryIncomplete';
}

const pageSize = 1000;

/** The folder of the archives: beside the database. */
export function archiveFolderOf(databaseFile: string): string {
  return join(dirname(databaseFile), 'archive');
}

export function listArchives(connection: Connection): ArchiveEntry[] {
  return connection
    .prepare<[], ArchiveEntry>(
      `select from_position as fromPosition, to_position as toPosition, file, sha256, head_hash as headHash
       from ledger_archive order by from_position`,
    )
    .all();
}

/**
 * Every event after a position, oldest first, page by page: from the archives, then from the table.
 * @param archives As `listArchives` tells them; a connection that is about to rebuild that table passes what it held.
 * @throws HistoryIncomplete when an archive is absent or cannot be read
 */
export function* readHistory(
  connection: Connection,
  after: number,
  archives: readonly ArchiveEntry[] = listArchives(connection),
): Generator<StoredEvent[]> {
  let position = after;
  for (const archive of archives) {
    if (archive.toPosition <= position) continue;
    const events = readArchive(connection.name, archive).filter((event) => event.position > position);
    for (let start = 0; start < events.length; start += pageSize) yield events.slice(start, start + pageSize);
    position = archive.toPosition;
  }
  const read = connection.prepare<[number, number], StoredEvent>(
    `select position, event_id as eventId, type, schema, request_id as requestId, actor, occurred_at as occurredAt,
       recorded_at as recordedAt, boot_id as bootId, body, lower(hex(hash)) as hash
     from usage_event where position > ? order by position limit ?`,
  );
  for (;;) {
    const page = read.all(position, pageSize);
    const last = page.at(-1);
    if (!last) return;
    yield page;
    position = last.position;
  }
}

/** What a replay of the history may know beforehand. */
export function foresee(connection: Connection): Foreknowledge {
  const ended = connection
    .prepare<[], string>(
      `select request_id from usage_event
       where type = 'RequestCompleted' or type = 'RequestFailed' or type = 'RequestAborted'
       order by position desc limit 1`,
    )
    .pluck()
    .get();
  const lateStart = connection
    .prepare<[string], number>(`select occurred_at from usage_event where type = 'RequestAccepted' and request_id = ?`)
    .pluck()
    .get(ended ?? '');
  return { lateStart: lateStart ?? 0 };
}

function readArchive(databaseFile: string, { file, sha256 }: ArchiveEntry): StoredEvent[] {
  const path = join(archiveFolderOf(databaseFile), file);
  if (!existsSync(path)) throw new HistoryIncomplete(`the archive ${path} is missing`);
  const bytes = readFileSync(path);
  if (createHash('sha256').update(bytes).digest('hex') !== sha256)
    throw new HistoryIncomplete(`the archive ${path} is not as it was written`);
  const lines = gunzipSync(bytes).toString('utf8').trimEnd().split('\n');
  return lines.map((line) => JSON.parse(line) as StoredEvent);
}

/** As the projections take it. */
export function toRecorded({ position, eventId, occurredAt, recordedAt, body }: StoredEvent): RecordedEvent {
  return { position, eventId, occurredAt, recordedAt, body: JSON.parse(body) as UsageEventBody };
}
