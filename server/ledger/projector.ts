import { type Connection, connectionOf, type Orm } from '../database.ts';
import type { RecordedEvent } from './events.ts';
import { readHistory, toRecorded } from './history.ts';
import { projections } from './projections/all.ts';

/** Keeps every projection in step with the events that are appended. Runs inside the transactions of the writer. */
export interface Projector {
  /** Takes the events of a transaction; the projections that are not inline may be left behind. */
  project(events: readonly RecordedEvent[], position: number, isCatchingUp: boolean): void;
  /** The transaction of the last `project` was committed. */
  committed(): void;
  /** It was rolled back. */
  rolledBack(): void;
  /** Events that the projections which are not inline have not seen. */
  backlog(): number;
}

/** Beyond so many events the next transaction catches up in any case. */
const backlogMax = 1000;

export function createProjector(connection: Connection): Projector {
  let all = projections.map((create) => create(connection));
  const saveCheckpoint = prepareCheckpoint(connection);
  for (const { name } of all) connection.prepare('insert or ignore into projection_checkpoint values (?, 0)').run(name);
  const names = all.filter(({ isInline }) => isInline).map(({ name }) => `'${name}'`);
  const saveInlineCheckpoints = connection.prepare(
    `update projection_checkpoint set position = ? where name in (${names.join()})`,
  );
  let backlog: RecordedEvent[] = [];
  /** Projections that hold back what they have to write have been at work in this transaction. */
  let mayHoldBack = false;
  /** What the backlog is once the transaction is committed. */
  let next: RecordedEvent[] = [];

  return {
    project(events, position, isCatchingUp) {
      for (const projection of all.filter(({ isInline }) => isInline)) {
        projection.evolve(events);
        projection.settle?.();
      }
      if (events.length > 0) saveInlineCheckpoints.run(position);
      next = [...backlog, ...events];
      if (next.length === 0 || !(isCatchingUp || next.length >= backlogMax)) return;
      mayHoldBack = true;
      for (const projection of all.filter(({ isInline }) => !isInline)) {
        projection.evolve(next);
        projection.settle?.();
        saveCheckpoint(projection.name, position);
      }
      next = [];
    },
    committed() {
      backlog = next;
      mayHoldBack = false;
    },
    rolledBack() {
      next = backlog;
      // What they held back belongs to what was undone.
      if (mayHoldBack) all = projections.map((create) => create(connection));
      mayHoldBack = false;
    },
    backlog: () => backlog.length,
  };
}

/** The same for a database that nobody else writes to. */
export async function catchUpLedger(orm: Orm): Promise<void> {
  catchUp(await connectionOf(orm));
}

/** Brings every projection from its checkpoint to the head, for example after a migration took its rows away. Opens its own transactions. */
export function catchUp(connection: Connection): void {
  const checkpoints = readCheckpoints(connection);
  const all = projections.map((create) => create(connection));
  const positionOf = (name: string) => checkpoints.get(name) ?? 0;
  const after = Math.min(...all.map(({ name }) => positionOf(name)));
  const saveCheckpoint = prepareCheckpoint(connection);
  const evolvePage = connection.transaction((page: readonly RecordedEvent[]) => {
    const position = page.at(-1)?.position as number;
    for (const projection of all) {
      const { name } = projection;
      const unseen = page.filter((event) => event.position > positionOf(name));
      if (unseen.length === 0) continue;
      projection.evolve(unseen);
      projection.settle?.();
      saveCheckpoint(name, position);
    }
  });
  for (const page of readHistory(connection, after)) evolvePage.immediate(page.map(toRecorded));
}

/** How far each projection has come, by name. */
export function readCheckpoints(connection: Connection): Map<string, number> {
  const rows = connection
    .prepare<[], { name: string; position: number }>('select name, position from projection_checkpoint')
    .all();
  return new Map(rows.map(({ name, position }) => [name, position]));
}

function prepareCheckpoint(connection: Connection): (name: string, position: number) => void {
  const save = connection.prepare(
    `insert into projection_checkpoint (name, position) values (?, ?)
     on conflict do update set position = excluded.position`,
  );
  return (name, position) => void save.run(name, position);
}
