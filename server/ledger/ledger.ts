import type { Orm } from '../database.ts';
import type { Execute } from './commands.ts';
import type { NewEvent, RecordedEvent, UsageEventBody } from './events.ts';
import type { ledgerCommands } from './ledger-commands.ts';
import { UsageEvent } from './usage-event.entity.ts';

/** An event as readers get it. */
export interface LedgerEntry extends RecordedEvent {
  hash: string;
  /** The stored JSON text that the hash covers. */
  bodyText: string;
}

export interface Ledger {
  /** Resolves when the event is on disk. @throws LedgerUnavailable */
  append(event: NewEvent): Promise<void>;
  /** Events after a position, in order. */
  read(after: number, limit: number): Promise<LedgerEntry[]>;
  /** Position of the newest event that was committed. */
  headPosition(): number;
  /** Every event after a position (default: the head), now and as they come: none missing, none twice. */
  follow(after: number | null, signal: AbortSignal): AsyncGenerator<LedgerEntry>;
}

export interface LedgerParts {
  execute: Execute<typeof ledgerCommands>;
  /** A connection that only reads. */
  orm: Orm;
  /** Calls the listener with the new head position after each commit. Only a hint: readers read the database. */
  onCommit(listener: (headPosition: number) => void): void;
  headPosition: number;
}

const pageSize = 200;

export function createLedger({ execute, orm, onCommit, headPosition }: LedgerParts): Ledger {
  let head = headPosition;
  const waiting = new Set<() => void>();
  onCommit((position) => {
    head = position;
    for (const wake of waiting) wake();
  });

  async function read(after: number, limit: number): Promise<LedgerEntry[]> {
    const rows = await orm.em
      .fork()
      .find(UsageEvent, { position: { $gt: after } }, { orderBy: { position: 'asc' }, limit });
    return rows.map(toEntry);
  }

  async function* follow(after: number | null, signal: AbortSignal): AsyncGenerator<LedgerEntry> {
    let position = after ?? head;
    while (!signal.aborted) {
      const page = head > position ? await read(position, pageSize) : [];
      for (const entry of page) {
        position = entry.position;
        yield entry;
      }
      if (page.length === 0) await nextCommit(signal, position);
    }
  }

  /** Waits for a commit after `position`; returns at once when there is one already. */
  function nextCommit(signal: AbortSignal, position: number): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>();
    if (head > position || signal.aborted) return Promise.resolve();
    waiting.add(resolve);
    signal.addEventListener('abort', () => resolve(), { once: true });
    return promise.finally(() => waiting.delete(resolve));
  }

  return {
    append: async (event) => {
      await execute('ledger.append', { event });
    },
    read,
    headPosition: () => head,
    follow,
  };
}

function toEntry(row: UsageEvent): LedgerEntry {
  return {
    position: row.position,
    eventId: row.eventId,
    recordedAt: row.recordedAt,
    occurredAt: row.occurredAt,
    body: JSON.parse(row.body) as UsageEventBody,
    ...(row.actor !== null && row.actor !== undefined && { actor: row.actor }),
    hash: Buffer.from(row.hash).toString('hex'),
    bodyText: row.body,
  };
}
