import { createHash } from 'node:crypto';
import { mkdirSync, renameSync } from 'node:fs';
import { open } from 'node:fs/promises';
import { join } from 'node:path';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { promisify } from 'node:util';
import { gzip } from 'node:zlib';
import type { Connection } from '../../database.ts';
import type { EventsArchived } from '../events.ts';
import { archiveFolderOf, readHistory, type StoredEvent } from '../history.ts';

/** A file holds so many events at most: it is read whole. */
const eventsPerFile = 10_000;
const compress = promisify(gzip);

/** The last position that can be archived: sealed up to a day, and everything that was accepted by then has ended. */
export function archivableUpTo(connection: Connection, beforeDay: string): number {
  const sealed = connection
    .prepare<[string], number | null>('select max(to_position) from ledger_seal where day < ?')
    .pluck()
    .get(beforeDay);
  const oldestOpen = connection
    .prepare<[], number | null>(`select min(accepted_position) from request where outcome = 'IN_PROGRESS'`)
    .pluck()
    .get();
  return Math.min(sealed ?? 0, (oldestOpen ?? Number.POSITIVE_INFINITY) - 1);
}

/** The last position that is in an archive. */
export function archivedUpTo(connection: Connection): number {
  return connection
    .prepare<[], number>('select coalesce(max(to_position), 0) from ledger_archive')
    .pluck()
    .get() as number;
}

/**
 * Writes the next events after `after`, up to `upTo`, into a file of their own: one JSON object per line, verbatim, compressed. It is on the
 * disk, whole, before it has its name.
 * @returns what the ledger has to say of it; null when there is nothing to write
 */
export async function writeArchive(
  connection: Connection,
  after: number,
  upTo: number,
): Promise<Omit<EventsArchived, 'type'> | null> {
  const pages: string[] = [];
  let first: StoredEvent | undefined;
  let last: StoredEvent | undefined;
  for (const page of readHistory(connection, after, [])) {
    const events = page.filter(({ position }) => position <= upTo);
    first ??= events[0];
    last = events.at(-1) ?? last;
    pages.push(events.map((event) => `${JSON.stringify(event)}\n`).join(''));
    if (events.length < page.length || (last?.position ?? 0) - after >= eventsPerFile) break;
    // Whoever is answered meanwhile does not wait for all pages.
    await nextTurn();
  }
  if (!first || !last) return null;
  const bytes = await compress(pages.join(''));
  const file = `events-${first.position}-${last.position}.ndjson.gz`;
  await writeDurably(archiveFolderOf(connection.name), file, bytes);
  const sha256 = createHash('sha256').update(bytes).digest('hex');
  return { fromPosition: first.position, toPosition: last.position, file, sha256, headHash: last.hash };
}

async function writeDurably(folder: string, name: string, bytes: Buffer): Promise<void> {
  mkdirSync(folder, { recursive: true });
  const draft = join(folder, `${name}.new`);
  const handle = await open(draft, 'w', 0o600);
  try {
    await handle.writeFile(bytes);
    await handle.sync();
  } finally {
    await handle.close();
  }
  renameSync(draft, join(folder, name));
  const directory = await open(folder, 'r');
  await directory.sync().finally(() => directory.close());
}
