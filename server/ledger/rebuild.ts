import { type Connection, connectionOf, type Orm } from '../database.ts';
import { foresee, readHistory, toRecorded } from './history.ts';
import { projections } from './projections/all.ts';

/**
 * Derives every projection anew from all events, archived ones included, in a database beside the ledger's, and swaps the tables in by one
 * transaction: whoever reads sees the old rows or the new ones, never a part.
 * @param ledger Opened to write; nobody else writes.
 * @param scratch An empty, migrated database.
 * @param onProgress Told the position that was reached, page by page.
 * @returns the position that the projections have come to
 * @throws HistoryIncomplete
 */
export async function rebuildProjections(
  ledger: Orm,
  scratch: Orm,
  onProgress: (position: number) => void,
): Promise<number> {
  const [live, rebuilt] = [await connectionOf(ledger), await connectionOf(scratch)];
  const known = foresee(live);
  const all = projections.map((create) => create(rebuilt, known));
  let position = 0;
  rebuilt.exec('begin');
  for (const page of readHistory(live, 0)) {
    const events = page.map(toRecorded);
    for (const projection of all) projection.evolve(events);
    position = events.at(-1)?.position ?? position;
    onProgress(position);
  }
  for (const projection of all) projection.settle?.();
  rebuilt.exec('commit');
  swapIn(
    live,
    rebuilt.name,
    all.map(({ name }) => name),
    position,
  );
  return position;
}

function swapIn(live: Connection, scratchFile: string, tables: readonly string[], position: number): void {
  live.prepare('attach ? as rebuilt').run(scratchFile);
  try {
    const swap = live.transaction(() => {
      const saveCheckpoint = live.prepare(
        `insert into projection_checkpoint (name, position) values (?, ?)
         on conflict do update set position = excluded.position`,
      );
      for (const table of tables) {
        live.exec(`delete from main.${table}`);
        live.exec(`insert into main.${table} select * from rebuilt.${table}`);
        saveCheckpoint.run(table, position);
      }
    });
    swap.immediate();
  } finally {
    live.exec('detach rebuilt');
  }
}
