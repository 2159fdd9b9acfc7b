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
  /** Applies events in order. @throws when an event cannot follow those before it, for example a second end of a request. */
  evolve(events: readonly RecordedEvent[]): void;
}

/** Makes a projection on a connection, with its statements prepared once. */
export type ProjectionFactory = (connection: Connection) => Projection;
