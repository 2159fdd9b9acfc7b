import { createHash } from 'node:crypto';
import { type Connection, connectionOf, type Orm } from '../database.ts';
import { type ChainLink, chainHash, genesisHash } from './chain.ts';
import type { RecordedEvent, UsageEventBody } from './events.ts';
import { projections } from './projections/all.ts';
import type { Projection } from './projections/projection.ts';

/** What a check of the whole ledger found. */
export interface Verdict {
  isSound: boolean;
  /** The first thing that is wrong; null when nothing is. */
  problem: string | null;
  /** Events that were found good. */
  eventCount: number;
  headPosition: number;
  /** In hex. */
  headHash: string;
  /** SHA-256 over all rows of all projections, in hex; null when there was a problem. */
  projectionsHash: string | null;
}

interface StoredEvent extends ChainLink {
  requestId: string | null;
  /** In hex. */
  hash: string;
}

const pageSize = 1000;

/**
 * Checks that positions have no gap, that every event hashes to what is stored, that the columns repeat the body, that the head is
 * the last event, and that projections rebuilt from zero equal the live ones byte for byte.
 * @param ledger Opened to read; it is seen as of one instant.
 * @param scratch An empty, migrated database for the rebuild.
 * @param onProgress Told the position that was reached, now and then.
 */
export async function verifyLedger(
  ledger: Orm,
  scratch: Orm,
  onProgress: (position: number) => void,
): Promise<Verdict> {
  const live = await connectionOf(ledger);
  const rebuilt = await connectionOf(scratch);
  live.exec('begin');
  rebuilt.exec('begin');
  try {
    return verify(live, rebuilt, onProgress);
  } finally {
    live.exec('rollback');
    rebuilt.exec('rollback');
  }
}

function verify(live: Connection, rebuilt: Connection, onProgress: (position: number) => void): Verdict {
  const rebuild = projections.map((create) => create(rebuilt));
  let position = 0;
  let hash = genesisHash;
  let recordedAt = 0;
  const verdict = (problem: string | null, projectionsHash: string | null = null): Verdict => ({
    isSound: problem === null,
    problem,
    eventCount: position,
    headPosition: position,
    headHash: hash,
    projectionsHash,
  });

  for (const page of pages(live)) {
    for (const event of page) {
      const problem = problemOf(event, { position, hash, recordedAt });
      if (problem) return verdict(problem);
      ({ position, hash, recordedAt } = event);
    }
    const problem = rebuildProblem(rebuild, page);
    if (problem) return verdict(problem);
    onProgress(position);
  }
  const problem = headProblem(live, { position, hash, recordedAt }) ?? checkpointProblem(live, position);
  if (problem) return verdict(problem);
  const { difference, projectionsHash } = compare(live, rebuilt, rebuild);
  return difference ? verdict(difference) : verdict(null, projectionsHash);
}

function* pages(connection: Connection): Generator<StoredEvent[]> {
  const read = connection.prepare<[number, number], StoredEvent>(
    `select position, event_id as eventId, type, schema, request_id as requestId, actor, occurred_at as occurredAt,
       recorded_at as recordedAt, boot_id as bootId, body, lower(hex(hash)) as hash
     from usage_event where position > ? order by position limit ?`,
  );
  for (let after = 0; ; ) {
    const page = read.all(after, pageSize);
    const last = page.at(-1);
    if (!last) return;
    yield page;
    after = last.position;
  }
}

type Head = Pick<StoredEvent, 'position' | 'hash' | 'recordedAt'>;

function problemOf(event: StoredEvent, before: Head): string | null {
  const at = `position ${event.position}`;
  if (event.position !== before.position + 1) return `position ${before.position + 1} is missing`;
  if (chainHash(before.hash, event) !== event.hash) return `${at} does not match its hash`;
  if (event.recordedAt < before.recordedAt) return `${at} was recorded before the one it follows`;
  const body = JSON.parse(event.body) as UsageEventBody;
  const requestId = 'requestId' in body ? body.requestId : null;
  if (body.type !== event.type || requestId !== event.requestId) return `the columns of ${at} differ from its body`;
  return null;
}

/** A projection refuses a history that cannot be, such as the end of a request that never began. */
function rebuildProblem(rebuild: readonly Projection[], page: readonly StoredEvent[]): string | null {
  const events = page.map(toRecorded);
  try {
    for (const projection of rebuild) projection.evolve(events);
    return null;
  } catch (error) {
    return `the projections cannot be rebuilt: ${(error as Error).message}`;
  }
}

function headProblem(connection: Connection, last: Head): string | null {
  const head = connection
    .prepare<[], Head>('select position, lower(hex(hash)) as hash, recorded_at as recordedAt from ledger_head')
    .get() as Head;
  if (head.position !== last.position) return `the head is at ${head.position}, the last event at ${last.position}`;
  const isEqual = head.hash === last.hash && head.recordedAt === last.recordedAt;
  return isEqual ? null : 'the head differs from the last event';
}

function checkpointProblem(connection: Connection, position: number): string | null {
  const behind = connection
    .prepare<[number], string>('select name from projection_checkpoint where position <> ?')
    .pluck()
    .get(position);
  return behind === undefined ? null : `the checkpoint of ${behind} is not at ${position}`;
}

/** Row by row, so that the first difference can be shown and memory stays flat. */
function compare(live: Connection, rebuilt: Connection, rebuild: readonly Projection[]) {
  const digest = createHash('sha256');
  for (const { name, orderedBy } of rebuild) {
    digest.update(`${name}\n`);
    const dump = (connection: Connection) =>
      connection.prepare<[], unknown[]>(`select * from ${name} order by ${orderedBy}`).raw().iterate();
    const difference = firstDifference(name, dump(live), dump(rebuilt), (row) => digest.update(`${row}\n`));
    if (difference) return { difference, projectionsHash: null };
  }
  return { difference: null, projectionsHash: digest.digest('hex') };
}

function firstDifference(
  table: string,
  live: IterableIterator<unknown[]>,
  rebuilt: IterableIterator<unknown[]>,
  onEqual: (row: string) => void,
): string | null {
  try {
    for (const values of live) {
      const row = JSON.stringify(values);
      if (row !== JSON.stringify(rebuilt.next().value)) return `a row of ${table} differs from its rebuild: ${row}`;
      onEqual(row);
    }
    return rebuilt.next().done ? null : `${table} lacks rows that its rebuild has`;
  } finally {
    // An iterator that is left open keeps its connection busy.
    rebuilt.return?.();
  }
}

function toRecorded({ position, eventId, occurredAt, recordedAt, body }: StoredEvent): RecordedEvent {
  return { position, eventId, occurredAt, recordedAt, body: JSON.parse(body) as UsageEventBody };
}
