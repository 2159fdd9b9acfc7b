import { type Connection, connectionOf, type Orm } from '../database.ts';
import { chainHash, genesisHash } from './chain.ts';
import type { RecordedEvent, UsageEventBody } from './events.ts';
import { projections, projectionTables } from './projections/all.ts';

/** What a check of the whole ledger found. `problem` names the first thing that is wrong. */
export interface Verdict {
  isSound: boolean;
  eventCount: number;
  headPosition: number;
  headHash: string;
  problem: string | null;
}

interface StoredEvent {
  position: number;
  eventId: string;
  type: string;
  requestId: string | null;
  actor: string | null;
  occurredAt: number;
  recordedAt: number;
  body: string;
  hash: Uint8Array;
}

const pageSize = 1000;

/**
 * Checks that positions have no gap, that every event hashes to what is stored, that the head is the last event, that the columns
 * repeat the body, and that projections rebuilt from zero equal the live ones byte for byte.
 * @param ledger Opened to read, in one snapshot.
 * @param scratch An empty, migrated database for the rebuild.
 */
export async function verifyLedger(
  ledger: Orm,
  scratch: Orm,
  onProgress: (position: number) => void,
): Promise<Verdict> {
  const connection = await connectionOf(ledger);
  const rebuilt = await connectionOf(scratch);
  const rebuild = projections.map((create) => create(rebuilt));
  connection.exec('begin');
  rebuilt.exec('begin');
  let position = 0;
  let hash: Uint8Array = genesisHash;
  const verdict = (problem: string | null): Verdict => ({
    isSound: problem === null,
    eventCount: position,
    headPosition: position,
    headHash: Buffer.from(hash).toString('hex'),
    problem,
  });
  try {
    for (const page of pages(connection)) {
      for (const event of page) {
        const problem = problemOf(event, position, hash);
        if (problem) return verdict(problem);
        position = event.position;
        hash = event.hash;
      }
      for (const projection of rebuild) projection.evolve(page.map(toRecorded));
      onProgress(position);
    }
    return verdict(headProblem(connection, position, hash) ?? projectionProblem(connection, rebuilt));
  } finally {
    connection.exec('rollback');
    rebuilt.exec('rollback');
  }
}

function* pages(connection: Connection): Generator<StoredEvent[]> {
  const read = connection.prepare<[number, number], StoredEvent>(
    `select position, event_id as eventId, type, request_id as requestId, actor, occurred_at as occurredAt, recorded_at as recordedAt, body, hash
     from usage_event where position > ? order by position limit ?`,
  );
  for (let after = 0; ; ) {
    const page = read.all(after, pageSize);
    if (page.length === 0) return;
    yield page;
    after = page.at(-1)?.position ?? after;
  }
}

function problemOf(event: StoredEvent, previousPosition: number, previousHash: Uint8Array): string | null {
  const at = `position ${event.position}`;
  if (event.position !== previousPosition + 1) return `position ${previousPosition + 1} is missing`;
  if (!chainHash(previousHash, event).equals(event.hash)) return `${at} does not match its hash`;
  const body = JSON.parse(event.body) as UsageEventBody;
  const requestId = 'requestId' in body ? body.requestId : null;
  if (body.type !== event.type || requestId !== event.requestId) return `the columns of ${at} differ from its body`;
  return null;
}

function headProblem(connection: Connection, position: number, hash: Uint8Array): string | null {
  const head = connection.prepare('select position, hash from ledger_head').get() as { position: number; hash: Buffer };
  return head.position === position && head.hash.equals(hash)
    ? null
    : `the head says ${head.position}, the last event is ${position}`;
}

function projectionProblem(live: Connection, rebuilt: Connection): string | null {
  for (const [table, key] of Object.entries(projectionTables)) {
    const dump = (connection: Connection) =>
      connection.prepare(`select * from ${table} order by ${key}`).raw().iterate();
    const problem = firstDifference(table, dump(live), dump(rebuilt));
    if (problem) return problem;
  }
  return null;
}

function firstDifference(
  table: string,
  live: IterableIterator<unknown>,
  rebuilt: IterableIterator<unknown>,
): string | null {
  try {
    for (const row of live) {
      if (JSON.stringify(row) !== JSON.stringify(rebuilt.next().value)) {
        return `a row of ${table} differs from its rebuild: ${JSON.stringify(row)}`;
      }
    }
    return rebuilt.next().done ? null : `${table} lacks rows that its rebuild has`;
  } finally {
    // An iterator that is left open keeps its connection busy.
    rebuilt.return?.();
  }
}

function toRecorded(event: StoredEvent): RecordedEvent {
  const { position, eventId, occurredAt, recordedAt } = event;
  return { position, eventId, occurredAt, recordedAt, body: JSON.parse(event.body) as UsageEventBody };
}
