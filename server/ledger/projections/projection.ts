import type { Connection } from '../../database.ts';
import type { RecordedEvent } from '../events.ts';

/** A table derived from events. The same `evolve` runs live, inside a transaction of the writer, and in a rebuild. */
export interface Projection {
  /** Of the table and of its checkpoint. */
  name: string;
  /** In the transaction of the events. Otherwise soon after: its checkpoint tells how far it has come. */
  isInline: boolean;
  /** The columns by which a dump of the table is ordered. */
  orderedBy: string;
  /** Applies events in order; may hold back what it has to write until `settle`. @throws when an event cannot follow those before it, for example a second end of a request. */
  evolve(events: readonly RecordedEvent[]): void;
  /** Writes what was held back. Before every commit that others are to see. */
  settle?(): void;
}

/** What is known beforehand of a history that is replayed. */
export interface Foreknowledge {
  /** Start of one of the newest requests that have ended, ms since 1970: what is kept for a time only need not be made for times long before. */
  lateStart: number;
}

/** Makes a projection on a connection, with its statements prepared once. */
export type ProjectionFactory = (connection: Connection, known?: Foreknowledge) => Projection;
