import { createHash } from 'node:crypto';
import { type Connection, connectionOf, type Orm } from '../database.ts';
import { dayMs } from './calendar.ts';
import { chainHash, genesisHash } from './chain.ts';
import type { DaySealed, UsageEventBody } from './events.ts';
import { HistoryIncomplete, listArchives, readHistory, type StoredEvent, toRecorded } from './history.ts';
import { type Sign, sealText } from './keeping/seal.ts';
import { projections } from './projections/all.ts';
import type { Projection } from './projections/projection.ts';
import { readCheckpoints } from './projector.ts';

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

/**
 * Checks that positions have no gap, that every event hashes to what is stored, that the columns repeat the body, that the head is
 * the last event, and that projections rebuilt from zero equal the live ones byte for byte.
 * @param ledger Opened to read; it is seen as of one instant.
 * @param scratch An empty, migrated database for the rebuild.
 * @param onProgress Told the position that was reached, now and then.
 * @param sign Signs as the seals of days were signed; without it their signatures are not checked.
 */
export async function verifyLedger(
  ledger: Orm,
  scratch: Orm,
  onProgress: (position: number) => void,
  sign: Sign | null = null,
): Promise<Verdict> {
  const live = await connectionOf(ledger);
  const rebuilt = await connectionOf(scratch);
  live.exec('begin');
  rebuilt.exec('begin');
  try {
    return verify(live, rebuilt, { onProgress, checkSeal: createSealCheck(sign) });
  } finally {
    live.exec('rollback');
    rebuilt.exec('rollback');
  }
}

interface VerifyParts {
  onProgress(position: number): void;
  checkSeal: SealCheck;
}

function verify(live: Connection, rebuilt: Connection, { onProgress, checkSeal }: VerifyParts): Verdict {
  const rebuild = projections.map((create) => create(rebuilt));
  const checkpoints = readCheckpoints(live);
  let last: Head = { position: 0, hash: genesisHash, recordedAt: 0 };
  const verdict = (problem: string | null, projectionsHash: string | null = null): Verdict => ({
    isSound: problem === null,
    problem,
    eventCount: last.position,
    headPosition: last.position,
    headHash: last.hash,
    projectionsHash,
  });

  try {
    for (const page of readHistory(live, 0, listArchives(live))) {
      for (const event of page) {
        const problem = problemOf(event, last) ?? checkSeal(event, last);
        if (problem) return verdict(problem);
        last = event;
      }
      const problem = rebuildProblem(rebuild, page, checkpoints);
      if (problem) return verdict(problem);
      onProgress(last.position);
    }
  } catch (error) {
    if (error instanceof HistoryIncomplete) return verdict(error.message);
    throw error;
  }
  const problem = headProblem(live, last) ?? checkpointProblem(rebuild, checkpoints, last.position);
  if (problem) return verdict(problem);
  const { difference, projectionsHash } = compare(live, rebuilt, rebuild);
  return difference ? verdict(difference) : verdict(null, projectionsHash);
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

/** A projection refuses a history that cannot be, such as the end of a request that never began. One that lags is rebuilt as far as it is. */
function rebuildProblem(
  rebuild: readonly Projection[],
  page: readonly StoredEvent[],
  checkpoints: ReadonlyMap<string, number>,
): string | null {
  const events = page.map(toRecorded);
  try {
    for (const { name, evolve } of rebuild) {
      const checkpoint = checkpoints.get(name) ?? 0;
      const isWhole = (events.at(-1)?.position ?? 0) <= checkpoint;
      evolve(isWhole ? events : events.filter(({ position }) => position <= checkpoint));
    }
    return null;
  } catch (error) {
    return `the projections cannot be rebuilt: ${(error as Error).message}`;
  }
}

/** The first thing that is wrong with the seal of a day, if the event is one. Has to see every event. */
type SealCheck = (event: StoredEvent, before: Head) => string | null;

function createSealCheck(sign: Sign | null): SealCheck {
  const lastOfDay = new Map<number, string>();
  const dayOf = (instant: number) => Math.floor(instant / dayMs);
  return (event, before) => {
    if (dayOf(event.recordedAt) !== dayOf(before.recordedAt)) lastOfDay.set(before.position, before.hash);
    if (event.type !== 'DaySealed') return null;
    const { type: _, signature, ...seal } = JSON.parse(event.body) as DaySealed;
    if (lastOfDay.get(seal.toPosition) !== seal.headHash) return `the seal of ${seal.day} does not match the events`;
    return sign === null || sign(sealText(seal)) === signature ? null : `the signature of ${seal.day} is wrong`;
  };
}

function headProblem(connection: Connection, last: Head): string | null {
  const head = connection
    .prepare<[], Head>('select position, lower(hex(hash)) as hash, recorded_at as recordedAt from ledger_head')
    .get() as Head;
  if (head.position !== last.position) return `the head is at ${head.position}, the last event at ${last.position}`;
  const isEqual = head.hash === last.hash && head.recordedAt === last.recordedAt;
  return isEqual ? null : 'the head differs from the last event';
}

function checkpointProblem(
  rebuild: readonly Projection[],
  checkpoints: ReadonlyMap<string, number>,
  position: number,
): string | null {
  for (const { name, isInline } of rebuild) {
    const checkpoint = checkpoints.get(name) ?? 0;
    if (isInline ? checkpoint !== position : checkpoint > position)
      return `the checkpoint of ${name} is at ${checkpoint}, the last event at ${position}`;
  }
  return null;
}

/** Row by row, so that the first difference can be shown and memory stays flat. */
function compare(live: Connection, rebuilt: Connection, rebuild: readonly Projection[]) {
  const digest = createHash('sha256');
  for (const { name, orderedBy } of rebuild) {
    digest.update(`${name}\n`);
    const dump = (connection: Connection) =>
      connection.prepare<[], unknown[]>(`select * from ${name} order by ${orderedBy}`).raw().safeIntegers().iterate();
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
      const row = toText(values);
      const other = rebuilt.next();
      if (other.done || row !== toText(other.value)) return `a row of ${table} differs from its rebuild: ${row}`;
      onEqual(row);
    }
    return rebuilt.next().done ? null : `${table} lacks rows that its rebuild has`;
  } finally {
    // An iterator that is left open keeps its connection busy.
    rebuilt.return?.();
  }
}

/** JSON has no integers of the size that money takes: they are texts here. */
function toText(values: unknown[]): string {
  return JSON.stringify(values, (_name, value) => (typeof value === 'bigint' ? String(value) : value));
}
