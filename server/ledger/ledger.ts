import type { Orm } from '../database.ts';
import type { Execute } from './commands.ts';
import type { NewEvent, RecordedEvent, UsageEventBody } from './events.ts';
import type { ledgerCommands } from './ledger-commands.ts';
import { type Page, toPage } from './page.ts';
import { UsageEvent } from './usage-event.entity.ts';

/** An event as readers get it. */
export interface LedgerEntry extends RecordedEvent {
  /** In hex. */
  hash: string;
  /** The stored JSON text that the hash covers. */
  bodyText: string;
}

export interface Ledger {
  /** Resolves when the event is on disk. @throws LedgerUnavailable */
  append(event: NewEvent): Promise<void>;
  /** Events after a position, in order. */
  read(after: number, limit: number): Promise<LedgerEntry[]>;
  /** Events that somebody caused, newest first. */
  readAudit(first: number, after: string | null): Promise<Page<LedgerEntry>>;
  /** Position of the newest event that was committed. */
  headPosition(): number;
  /** Resolves when every projection has seen the events that there are now: what is read then is no older. */
  caughtUp(): Promise<void>;
  /** Every event after a position (null: the head), those there are and then those that come: none missing, none twice. */
  follow(after: number | null, signal: AbortSignal): AsyncGenerator<LedgerEntry, undefined>;
}

export interface LedgerParts {
  execute: Execute<typeof ledgerCommands>;
  /** A connection that only reads. */
  orm: Orm;
  /** Calls the listener with the new head position after each commit. Only a hint: readers read the database. */
  onCommit(listener: (headPosition: number, projectedPosition: number) => void): void;
  /** Position of the newest event at the start. */
  headPosition: number;
}

/** Events read at once: so much stays in memory for a reader that is slow. */
const pageSize = 200;

export function createLedger({ execute, orm, onCommit, headPosition }: LedgerParts): Ledger {
  let head = headPosition;
  const waiting = new Set<() => void>();
  let projected = 0;
  onCommit((headPosition, projectedPosition) => {
    head = headPosition;
    projected = projectedPosition;
    for (const wake of waiting) wake();
  });

  async function read(after: number, limit: number): Promise<LedgerEntry[]> {
    const order = { orderBy: { position: 'asc' }, limit, disableIdentityMap: true } as const;
    const rows = await orm.em.fork().find(UsageEvent, { position: { $gt: after } }, order);
    return rows.map(toEntry);
  }

  async function* follow(after: number | null, signal: AbortSignal): AsyncGenerator<LedgerEntry, undefined> {
    let position = after ?? head;
    let wake = () => {};
    const wakeUp = () => wake();
    waiting.add(wakeUp);
    signal.addEventListener('abort', wakeUp, { once: true });
    try {
      while (!signal.aborted) {
        for (const entry of position < head ? await read(position, pageSize) : []) {
          if (signal.aborted) return;
          position = entry.position;
          yield entry;
        }
        if (position >= head && !signal.aborted) await new Promise<void>((resolve) => (wake = resolve));
      }
    } finally {
      waiting.delete(wakeUp);
      signal.removeEventListener('abort', wakeUp);
    }
  }

  return {
    append: (event) => execute('ledger.append', { event }),
    read,
    async readAudit(first, after) {
      const em = orm.em.fork();
      const caused = { actor: { $ne: null } };
      const older = after === null ? caused : { ...caused, position: { $lt: Number(after) || 0 } };
      const order = { orderBy: { position: 'desc' }, limit: first + 1, disableIdentityMap: true } as const;
      const rows = (await em.find(UsageEvent, older, order)).map(toEntry);
      return toPage(rows, first, await em.count(UsageEvent, caused), ({ position }) => String(position));
    },
    headPosition: () => head,
    async caughtUp() {
      if (projected < head) await execute('ledger.catchUp', {});
    },
    follow,
  };
}

function toEntry({ position, eventId, recordedAt, occurredAt, actor, body, hash }: UsageEvent): LedgerEntry {
  return {
    position,
    eventId,
    recordedAt,
    occurredAt,
    ...(actor !== null && actor !== undefined && { actor }),
    body: JSON.parse(body) as UsageEventBody,
    hash: Buffer.from(hash).toString('hex'),
    bodyText: body,
  };
}
