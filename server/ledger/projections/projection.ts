import type { Connection } from '../../database.ts';
import type { RecordedEvent } from '../events.ts';

/** A table derived from events. The same `evolve` runs live, inside the writer's transaction, and in a rebuild. */
export interface Projection {
  name: string;
  /** Applies events in order. */
  evolve(events: readonly RecordedEvent[]): void;
}

/** Makes a projection on a connection, with its statements prepared once. */
export type ProjectionFactory = (connection: Connection) => Projection;
