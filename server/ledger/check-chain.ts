import type { Connection } from '../database.ts';
import { dayMs } from './calendar.ts';
import { chainHash, genesisHash } from './chain.ts';
import type { DaySealed, RecordedEvent, UsageEventBody } from './events.ts';
import { HistoryIncomplete, listArchives, readHistory, type StoredEvent, toRecorded } from './history.ts';
import { type Sign, sealText } from './keeping/seal.ts';

/** The last event that was found good. */
export type Head = Pick<StoredEvent, 'position' | 'hash' | 'recordedAt'>;

export interface ChainParts {
  /** Signs as the seals of days were signed; null: their signatures are not checked. */
  sign: Sign | null;
  /** Takes the events of a page that was found good. @returns what is wrong with them; null when nothing is */
  onPage(events: readonly RecordedEvent[]): string | null;
}

/**
 * Checks the events themselves, archived ones included: that positions have no gap, that every event hashes to what is stored, that the
 * columns repeat the body, that sealed days are as they were signed, and that the head is the last event.
 */
export function checkChain(live: Connection, { sign, onPage }: ChainParts): { last: Head; problem: string | null } {
  let last: Head = { position: 0, hash: genesisHash, recordedAt: 0 };
  const checkSeal = createSealCheck(sign);
  try {
    for (const page of readHistory(live, 0, listArchives(live))) {
      const recorded: RecordedEvent[] = [];
      for (const event of page) {
        const broken = chainProblem(event, last);
        if (broken) return { last, problem: broken };
        const parsed = toRecorded(event);
        const wrong = bodyProblem(event, parsed.body) ?? checkSeal(event, last);
        if (wrong) return { last, problem: wrong };
        recorded.push(parsed);
        last = event;
      }
      const problem = onPage(recorded);
      if (problem) return { last, problem };
    }
  } catch (error) {
    if (error instanceof HistoryIncomplete) return { last, problem: error.message };
    throw error;
  }
  return { last, problem: headProblem(live, last) };
}

function chainProblem(event: StoredEvent, before: Head): string | null {
  const at = `position ${event.position}`;
  if (event.position !== before.position + 1) return `position ${before.position + 1} is missing`;
  if (chainHash(before.hash, event) !== event.hash) return `${at} does not match its hash`;
  return event.recordedAt < before.recordedAt ? `${at} was recorded before the one it follows` : null;
}

function bodyProblem(event: StoredEvent, body: UsageEventBody): string | null {
  const requestId = 'requestId' in body ? body.requestId : null;
  const isSame = body.type === event.type && requestId === event.requestId;
  return isSame ? null : `the columns of position ${event.position} differ from its body`;
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
