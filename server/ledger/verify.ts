import { createHash } from 'node:crypto';
import { type Connection, connectionOf, type Orm } from '../database.ts';
import { checkChain } from './check-chain.ts';
import type { RecordedEvent } from './events.ts';
import { foresee } from './history.ts';
import type { Sign } from './keeping/seal.ts';
import { projections } from './projections/all.ts';
import type { Projection } from './projections/projection.ts';
import { readCheckpoints } from './projector.ts';

/** What a check of the whole ledger found. */
export interface Verdict {
  isSound: boolean;
  /** The first thing that is wrong; null when nothing is. */
  problem: string | null;
  /** Events that were found good. */
  eventCount: number;
  headPosition: number;
  /** In hex. */
  headHash: string;
  /** SHA-256 over all rows of all projections, in hex; null when there was a problem, or the figures were not checked. */
  projectionsHash: string | null;
}

/**
 * Checks the events, see `checkChain`, and that projections rebuilt from zero equal the live ones byte for byte.
 * @param ledger Opened to read; it is seen as of one instant.
 * @param scratch An empty, migrated database for the rebuild; null: only the events are checked.
 * @param onProgress Told the position that was reached, now and then.
 * @param sign Signs as the seals of days were signed; without it their signatures are not checked.
 */
export async function verifyLedger(
  ledger: Orm,
  scratch: Orm | null,
  onProgress: (position: number) => void,
  sign: Sign | null = null,
): Promise<Verdict> {
  const live = await connectionOf(ledger);
  const rebuilt = scratch && (await connectionOf(scratch));
  live.exec('begin');
  rebuilt?.exec('begin');
  try {
    return verify(live, rebuilt, onProgress, sign);
  } finally {
    live.exec('rollback');
    rebuilt?.exec('rollback');
  }
}

function verify(
  live: Connection,
  rebuilt: Connection | null,
  onProgress: (position: number) => void,
  sign: Sign | null,
): Verdict {
  const rebuild = rebuilt ? projections.map((create) => create(rebuilt, foresee(live))) : [];
  const checkpoints = readCheckpoints(live);
  const { last, problem } = checkChain(live, {
    sign,
    onPage(events) {
      onProgress(events.at(-1)?.position ?? 0);
      return rebuildProblem(rebuild, events, checkpoints);
    },
  });
  const figures = { problem: null, projectionsHash: null };
  const found = problem
    ? { ...figures, problem }
    : rebuilt
      ? checkFigures(live, rebuilt, { rebuild, checkpoints, position: last.position })
      : figures;
  return {
    isSound: found.problem === null,
    problem: found.problem,
    eventCount: last.position,
    headPosition: last.position,
    headHash: last.hash,
    projectionsHash: found.projectionsHash,
  };
}

interface Rebuild {
  rebuild: readonly Projection[];
  checkpoints: ReadonlyMap<string, number>;
  /** Of the last event. */
  position: number;
}

function checkFigures(
  live: Connection,
  rebuilt: Connection,
  { rebuild, checkpoints, position }: Rebuild,
): { problem: string | null; projectionsHash: string | null } {
  const problem = checkpointProblem(rebuild, checkpoints, position);
  if (problem) return { problem, projectionsHash: null };
  for (const projection of rebuild) projection.settle?.();
  const { difference, projectionsHash } = compare(live, rebuilt, rebuild);
  return { problem: difference, projectionsHash };
}

/** A projection refuses a history that cannot be, such as the end of a request that never began. One that lags is rebuilt as far as it is. */
function rebuildProblem(
  rebuild: readonly Projection[],
  events: readonly RecordedEvent[],
  checkpoints: ReadonlyMap<string, number>,
): string | null {
  try {
    for (const { name, evolve } of rebuild) {
      const checkpoint = checkpoints.get(name) ?? 0;
      const isWhole = (events.at(-1)?.position ?? 0) <= checkpoint;
      evolve(isWhole ? events : events.filter(({ position }) => position <= checkpoint));
    }
    return null;
  } catch (error) {
    return `the projections cannot be rebuilt: ${(error as Error).message}`;
  }
}

function checkpointProblem(
  rebuild: readonly Projection[],
  checkpoints: ReadonlyMap<string, number>,
  position: number,
): string | null {
  for (const { name, isInline } of rebuild) {
    const checkpoint = checkpoints.get(name) ?? 0;
    if (isInline ? checkpoint !== position : checkpoint > position)
      return `the checkpoint of ${name} is at ${checkpoint}, the last event at ${position}`;
  }
  return null;
}

/** Row by row, so that the first difference can be shown and memory stays flat. */
function compare(live: Connection, rebuilt: Connection, rebuild: readonly Projection[]) {
  const digest = createHash('sha256');
  for (const { name, orderedBy } of rebuild) {
    digest.update(`${name}\n`);
    const dump = (connection: Connection) =>
      connection
        .prepare<[], unknown[]>(`select ${exactColumns(live, name)} from ${name} order by ${orderedBy}`)
        .raw()
        .iterate();
    const difference = firstDifference(name, dump(live), dump(rebuilt), (row) => digest.update(`${row}\n`));
    if (difference) return { difference, projectionsHash: null };
  }
  return { difference: null, projectionsHash: digest.digest('hex') };
}

function firstDifference(
  table: string,
  live: IterableIterator<unknown[]>,
  rebuilt: IterableIterator<unknown[]>,
  onEqual: (row: string) => void,
): string | null {
  try {
    for (const values of live) {
      const other = rebuilt.next();
      if (other.done || !isSame(values, other.value)) return `a row of ${table} differs from its rebuild: ${values}`;
      onEqual(values.join(unitSeparator));
    }
    return rebuilt.next().done ? null : `${table} lacks rows that its rebuild has`;
  } finally {
    // An iterator that is left open keeps its connection busy.
    rebuilt.return?.();
  }
}

/** Between the values of a row; in no value. */
const unitSeparator = '\u001f';
/** Columns whose values may be larger than a number holds exactly. */
const moneyColumns: ReadonlySet<string> = new Set(['cost_pico', 'spent', 'reserved']);

function exactColumns(connection: Connection, table: string): string {
  const names = connection.prepare<[string], string>('select name from pragma_table_info(?)').pluck().all(table);
  return names.map((name) => (moneyColumns.has(name) ? `cast(${name} as text)` : name)).join(', ');
}

function isSame(a: readonly unknown[], b: readonly unknown[]): boolean {
  return a.length === b.length && a.every((value, index) => value === b[index]);
}
