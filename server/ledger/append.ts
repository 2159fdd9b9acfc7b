import { randomUUIDv7 } from 'node:crypto';
import type { Connection } from '../database.ts';
import { chainHash } from './chain.ts';
import type { NewEvent, RecordedEvent } from './events.ts';

/** The shape of event bodies this version writes. */
const schema = 1;

/** Appends events and moves the head, inside a transaction that somebody else opens and ends. */
export interface Appender {
  append(event: NewEvent, now: number): RecordedEvent;
  /** Writes the head row; once per transaction, after its last append. */
  saveHead(): void;
  /** Forgets what a rolled back transaction had appended. */
  reload(): void;
  headPosition(): number;
}

interface Head {
  position: number;
  /** In hex. */
  hash: string;
  recordedAt: number;
}

/** @param bootId Names the run of the process that writes. */
export function createAppender(connection: Connection, bootId: string): Appender {
  const readHead = connection.prepare<[], Head>(
    'select position, lower(hex(hash)) as hash, recorded_at as recordedAt from ledger_head where id = 1',
  );
  const writeHead = connection.prepare('update ledger_head set position = ?, hash = ?, recorded_at = ? where id = 1');
  const insert = connection.prepare(
    `insert into usage_event
       (position, event_id, type, schema, request_id, actor, occurred_at, recorded_at, boot_id, body, hash)
     values (?, ?, ?, ${schema}, ?, ?, ?, ?, ?, ?, ?)`,
  );
  let head = readHead.get() as Head;

  function append(event: NewEvent, now: number): RecordedEvent {
    const position = head.position + 1;
    const eventId = randomUUIDv7();
    // The clock of the machine may step back; the ledger's does not.
    const recordedAt = Math.max(now, head.recordedAt);
    const { occurredAt } = event;
    const { type } = event.body;
    const actor = event.actor ?? null;
    const requestId = 'requestId' in event.body ? event.body.requestId : null;
    const body = JSON.stringify(event.body);
    const link = { position, eventId, type, schema, actor, occurredAt, recordedAt, bootId, body };
    const hash = chainHash(head.hash, link);
    insert.run(position, eventId, type, requestId, actor, occurredAt, recordedAt, bootId, body, toBytes(hash));
    head = { position, hash, recordedAt };
    return { ...event, position, eventId, recordedAt };
  }

  return {
    append,
    saveHead: () => void writeHead.run(head.position, toBytes(head.hash), head.recordedAt),
    reload() {
      head = readHead.get() as Head;
    },
    headPosition: () => head.position,
  };
}

function toBytes(hash: string): Buffer {
  return Buffer.from(hash, 'hex');
}
