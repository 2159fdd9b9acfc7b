import { type Connection, DatabaseError } from '../database.ts';
import { chainHash } from './chain.ts';
import type { StoredEvent } from './history.ts';

/** So many of the newest events are looked at: a few milliseconds. */
const tailLength = 1000;

/**
 * Checks at the start that the newest events are chained and end at the head: what a broken disk or a copy of half a file leaves behind is
 * not built upon. @throws DatabaseError which says what to do
 */
export function checkTail(connection: Connection): void {
  const head = connection
    .prepare<[], { position: number; hash: string }>('select position, lower(hex(hash)) as hash from ledger_head')
    .get() as { position: number; hash: string };
  const events = connection
    .prepare<[number], StoredEvent>(
      `select position, event_id as eventId, type, schema, request_id as requestId, actor, occurred_at as occurredAt,
         recorded_at as recordedAt, boot_id as bootId, body, lower(hex(hash)) as hash
       from usage_event where position > ? order by position`,
    )
    .all(head.position - tailLength);
  for (const [index, event] of events.entries()) {
    const before = events[index - 1];
    const isNext = !before || (event.position === before.position + 1 && chainHash(before.hash, event) === event.hash);
    if (!isNext) throw damaged(event.position);
  }
  const last = events.at(-1);
  if (last && (last.position !== head.position || last.hash !== head.hash)) throw damaged(last.position);
}

function damaged(position: number): DatabaseError {
  return new DatabaseError(
    `The ledger is damaged at position ${position}, and nothing is written to it. "npm run ledger -- verify" tells more; restore a backup.`,
  );
}
