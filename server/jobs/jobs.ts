import type { Orm } from '../database.ts';
import { type Execute, Refusal } from '../ledger/commands.ts';
import type { Page } from '../ledger/page.ts';
import type { Vault } from '../secrets/vault.ts';
import type { JobRowOutcome, JobStatus } from './job.entity.ts';
import { finishedJobsMax, type JobRowResult, type jobCommands } from './job-commands.ts';
import { boundTo, type KnownJob, readJobs, readRows } from './read-jobs.ts';

/** Work on many rows that goes on after the call that started it, and after a restart. */
export interface Job {
  readonly id: string;
  readonly kind: string;
  readonly status: JobStatus;
  readonly total: number;
  readonly done: number;
  /** Ms since 1970. */
  readonly startedAt: number;
  readonly finishedAt: number | null;
  /** Why it failed. */
  readonly failure: string | null;
  /** How many rows came to what; outcomes without a row are absent. */
  readonly counts: Readonly<Partial<Record<JobRowOutcome, number>>>;
}

export type JobRow = JobRowResult;
export type { JobRowOutcome };

/** How the rows of one kind of job are done. */
export interface JobWork<Row = never> {
  /** Rows that are taken together. */
  batchSize: number;
  /**
   * Does a batch and tells what came of its rows. They have been recorded when it resolves: by `context.record`, or together with
   * what they changed (see `recordRows`). After a crash in between, a batch is given again.
   */
  run(batch: readonly Numbered<Row>[], context: JobContext): Promise<readonly JobRow[]>;
}

export type Numbered<Row> = { number: number; row: Row };

export interface JobContext {
  id: string;
  actor: string;
  record(rows: readonly JobRow[]): Promise<readonly JobRow[]>;
}

export interface JobStart {
  kind: string;
  /** Plain JSON data; encrypted at rest. */
  rows: readonly unknown[];
  /** Batches at a time. */
  concurrency: number;
  actor: string;
}

export interface Jobs {
  /** Begins at once. If a batch throws, the job fails and what is left is not begun. @throws Refusal while another of its kind runs; LedgerUnavailable */
  start(job: JobStart): Promise<Job>;
  get(id: string): Job | null;
  /** Newest first. */
  list(): Job[];
  /** Results in the order of the input. @param after The `endCursor` of the page before. @param outcomes Null for all. */
  rows(
    id: string,
    first: number,
    after: string | null,
    outcomes: readonly JobRowOutcome[] | null,
  ): Promise<Page<JobRow>>;
  /** Begins no further rows; those that are on their way are finished. Null when there is no such job. @throws LedgerUnavailable */
  cancel(id: string): Promise<Job | null>;
  /** Calls the listener after each change of a job, until the returned function is called. */
  onUpdate(listener: (job: Job) => void): () => void;
  /** Goes on with the jobs that the end of the process broke off. */
  resume(): void;
  /** Begins no further rows and settles when none is on its way; what is left is done after the next start. */
  stop(): Promise<void>;
}

interface JobsParts {
  execute: Execute<typeof jobCommands>;
  /** A connection that only reads. */
  orm: Orm;
  vault: Vault;
  works: Readonly<Record<string, JobWork>>;
  newId(): string;
}

interface OpenJob extends KnownJob {
  isCancelled: boolean;
  /** Its end is being written down. */
  isEnding: boolean;
}

/** Progress is kept in memory, a copy of what the database holds; results of rows are in the database alone. */
export async function loadJobs({ execute, orm, vault, works, newId }: JobsParts): Promise<Jobs> {
  const jobs = new Map<string, OpenJob>();
  for (const known of await readJobs(orm, vault)) jobs.set(known.id, { ...known, isCancelled: false, isEnding: false });
  const listeners = new Set<(job: Job) => void>();
  const running = new Map<string, Promise<void>>();
  let isStopping = false;

  function updated(job: OpenJob): void {
    for (const listener of listeners) listener(snapshot(job));
  }

  async function run(job: OpenJob): Promise<void> {
    const work = works[job.kind];
    if (!work) job.failure ??= `Nothing is known of jobs of kind ${job.kind}.`;
    const context = {
      id: job.id,
      actor: job.actor,
      async record(rows: readonly JobRow[]) {
        // What was cut short by the end of the process is done again after the next start.
        if (isStopping) return [];
        await execute('job.record', { id: job.id, rows });
        return rows;
      },
    };
    async function takeBatches(): Promise<void> {
      while (work && job.left.length > 0 && !job.isCancelled && job.failure === null && !isStopping) {
        const results = await work.run(job.left.splice(0, work.batchSize), context);
        count(job, results);
        // The last one is told by the job's end.
        if (job.done < job.total) updated(job);
      }
    }
    const takers = Array.from({ length: job.concurrency }, () =>
      takeBatches().catch((error: Error) => {
        job.failure ??= error.message;
      }),
    );
    await Promise.all(takers);
    if (isStopping && job.done < job.total && !job.isCancelled) return;
    await finish(job);
  }

  async function finish(job: OpenJob): Promise<void> {
    job.isEnding = true;
    const ended = job.done < job.total ? 'CANCELLED' : 'SUCCEEDED';
    const status = job.failure === null ? ended : 'FAILED';
    // What cannot be written down now is done again after the next start.
    const written = execute('job.end', { id: job.id, status, failure: job.failure });
    job.finishedAt = await written.then(({ finishedAt }) => finishedAt).catch(() => Date.now());
    job.status = status;
    job.left = [];
    updated(job);
  }

  function begin(job: OpenJob): void {
    running.set(
      job.id,
      run(job).finally(() => running.delete(job.id)),
    );
  }

  /** Drops the oldest finished jobs, as the database does. */
  function makeRoom(): void {
    const finished = [...jobs.values()].filter(({ status }) => status !== 'RUNNING');
    for (const { id } of finished.slice(0, Math.max(0, finished.length - finishedJobsMax + 1))) jobs.delete(id);
  }

  return {
    async start({ kind, rows, concurrency, actor }) {
      if ([...jobs.values()].some((job) => job.kind === kind && job.status === 'RUNNING'))
        throw new Refusal('conflict', 'Such a job is running already. Wait for its end or cancel it.');
      makeRoom();
      const id = newId();
      const total = rows.length;
      const left = rows.map((row, index) => ({ number: index + 1, row: row as never }));
      const fresh = {
        status: 'RUNNING',
        done: 0,
        finishedAt: null,
        failure: null,
        isCancelled: false,
        isEnding: false,
      };
      const job = { ...fresh, id, kind, total, left, concurrency, actor, counts: {}, startedAt: 0 } as OpenJob;
      jobs.set(id, job);
      try {
        const sealedRows = vault.seal(JSON.stringify(rows), boundTo(id));
        const { startedAt } = await execute('job.start', { id, kind, actor, concurrency, sealedRows, total });
        job.startedAt = startedAt;
      } catch (error) {
        jobs.delete(id);
        throw error;
      }
      const started = snapshot(job);
      begin(job);
      return started;
    },
    get(id) {
      const job = jobs.get(id);
      return job ? snapshot(job) : null;
    },
    list: () => [...jobs.values()].map(snapshot).reverse(),
    rows: (id, first, after, outcomes) => readRows(orm, id, first, after, outcomes),
    async cancel(id) {
      const job = jobs.get(id);
      if (!job) return null;
      if (job.status === 'RUNNING' && !job.isEnding) {
        job.isCancelled = true;
        // At once, so that a crash before the end of what is on its way does not bring it back.
        await execute('job.end', { id, status: 'CANCELLED', failure: null });
      }
      return snapshot(job);
    },
    onUpdate(listener) {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
    resume() {
      for (const job of jobs.values()) if (job.status === 'RUNNING') begin(job);
    },
    async stop() {
      isStopping = true;
      await Promise.all(running.values());
    },
  };
}

function count(job: OpenJob, results: readonly JobRow[]): void {
  for (const { outcome } of results) job.counts[outcome] = (job.counts[outcome] ?? 0) + 1;
  job.done += results.length;
}

function snapshot(job: OpenJob): Job {
  const { id, kind, status, total, done, startedAt, finishedAt, failure, counts } = job;
  return { id, kind, status, total, done, startedAt, finishedAt, failure, counts: { ...counts } };
}
