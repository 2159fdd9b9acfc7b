import { type Connection, connectionOf, type Orm } from '../database.ts';
import { clampFirst, type Page, toPage } from '../ledger/page.ts';
import type { Vault } from '../secrets/vault.ts';
import { Job as JobEntity, JobRow as JobRowEntity, type JobRowOutcome, type JobStatus } from './job.entity.ts';
import type { JobRowResult } from './job-commands.ts';

/** A job as the database holds it. */
export interface KnownJob {
  id: string;
  kind: string;
  status: JobStatus;
  actor: string;
  concurrency: number;
  total: number;
  done: number;
  startedAt: number;
  finishedAt: number | null;
  failure: string | null;
  counts: Partial<Record<JobRowOutcome, number>>;
  /** Rows that were not begun, in order; none of a job that has ended. */
  left: { number: number; row: never }[];
}

/** The row of the database that a job's sealed rows belong to. */
export const boundTo = (id: string) => `job:${id}`;

/** Every job, oldest first. */
export async function readJobs(orm: Orm, vault: Vault): Promise<KnownJob[]> {
  const found = await orm.em.fork().find(JobEntity, {}, { orderBy: { startedAt: 'asc', id: 'asc' } });
  const connection = await connectionOf(orm);
  return found.map(({ sealedRows, finishedAt, failure, ...job }) => {
    const counts = countRows(connection, job.id);
    const done = Object.values(counts).reduce((sum, rows) => sum + rows, 0);
    const ended = { finishedAt: finishedAt ?? null, failure: failure ?? null };
    const known = { ...job, ...ended, counts, done, left: [] };
    if (job.status !== 'RUNNING') return known;
    try {
      return { ...known, left: leftOf(connection, job.id, vault.open(sealedRows ?? '', boundTo(job.id))) };
    } catch {
      return { ...known, failure: 'Its rows cannot be read: ENCRYPTION_KEY has changed since it began.' };
    }
  });
}

function countRows(connection: Connection, id: string): KnownJob['counts'] {
  const counted = connection
    .prepare<[string], { outcome: JobRowOutcome; rows: number }>(
      'select outcome, count(*) as rows from job_row where job_id = ? group by outcome',
    )
    .all(id);
  return Object.fromEntries(counted.map(({ outcome, rows }) => [outcome, rows]));
}

function leftOf(connection: Connection, id: string, rows: string): KnownJob['left'] {
  const numbers = connection.prepare('select number from job_row where job_id = ?').pluck().all(id) as number[];
  const done = new Set(numbers);
  return (JSON.parse(rows) as never[])
    .map((row, index) => ({ number: index + 1, row }))
    .filter(({ number }) => !done.has(number));
}

/** A page of results, in the order of the input. */
export async function readRows(
  orm: Orm,
  jobId: string,
  asked: number,
  after: string | null,
  outcomes: readonly JobRowOutcome[] | null,
): Promise<Page<JobRowResult>> {
  const em = orm.em.fork();
  const first = clampFirst(asked);
  const where = { jobId, ...(outcomes && { outcome: { $in: [...outcomes] } }) };
  // An `after` that is no number is before the first row.
  const beyond = { ...where, number: { $gt: Number(after) || 0 } };
  const found = await em.find(JobRowEntity, beyond, { orderBy: { number: 'asc' }, limit: first + 1 });
  const rows = found.map(({ number, maskedKey, outcome, message, upstreamKeyId }): JobRowResult => {
    return { number, maskedKey, outcome, message: message ?? null, upstreamKeyId: upstreamKeyId ?? null };
  });
  return toPage(rows, first, await em.count(JobRowEntity, where), ({ number }) => String(number));
}
