/** Work on many rows that goes on after the call that started it. */
export interface Job {
  readonly id: string;
  readonly kind: string;
  readonly status: 'RUNNING' | 'SUCCEEDED' | 'CANCELLED' | 'FAILED';
  readonly total: number;
  readonly done: number;
  /** Ms since 1970. */
  readonly startedAt: number;
  readonly finishedAt: number | null;
  /** Why it failed. */
  readonly failure: string | null;
  /** What came of the rows that are done, by number. */
  readonly rows: readonly JobRow[];
}

/** What came of one row. */
export interface JobRow {
  /** From 1, in the order of the input. */
  number: number;
  maskedKey: string;
  outcome: 'ADDED' | 'DUPLICATE' | 'INVALID' | 'VALID' | 'INCONCLUSIVE' | 'SKIPPED';
  message: string | null;
  upstreamKeyId: string | null;
}

export interface Jobs {
  /** Begins at once and never throws: if `runRow` does, the job fails and the rows that are left are not begun. */
  start<Row>(
    kind: string,
    rows: readonly Row[],
    runRow: (row: Row) => Promise<Omit<JobRow, 'number'>>,
    options: { concurrency: number },
  ): Job;
  get(id: string): Job | null;
  /** Newest first. */
  list(): Job[];
  /** Begins no further rows; those that are on their way are finished. Null when there is no such job. */
  cancel(id: string): Job | null;
  /** Calls the listener after each change of a job, until the returned function is called. */
  onUpdate(listener: (job: Job) => void): () => void;
}

interface JobsParts {
  /** Wall clock, ms since 1970. */
  clock(): number;
  newId(): string;
}

type OpenJob = { -readonly [Field in keyof Job]: Job[Field] } & { rows: JobRow[]; isCancelled: boolean };

const jobsMax = 50;

/** Jobs live in memory; the last ones are remembered. */
export function createJobs({ clock, newId }: JobsParts): Jobs {
  const jobs = new Map<string, OpenJob>();
  const listeners = new Set<(job: Job) => void>();

  function updated(job: OpenJob): void {
    for (const listener of listeners) listener(snapshot(job));
  }

  /** Drops the oldest finished jobs. */
  function makeRoom(): void {
    for (const [id, { status }] of jobs) {
      if (jobs.size < jobsMax) break;
      if (status !== 'RUNNING') jobs.delete(id);
    }
  }

  function finish(job: OpenJob): void {
    job.finishedAt = clock();
    if (job.failure !== null) job.status = 'FAILED';
    else job.status = job.done < job.total ? 'CANCELLED' : 'SUCCEEDED';
    updated(job);
  }

  return {
    start(kind, rows, runRow, { concurrency }) {
      makeRoom();
      const job: OpenJob = {
        id: newId(),
        kind,
        status: 'RUNNING',
        total: rows.length,
        done: 0,
        startedAt: clock(),
        finishedAt: null,
        failure: null,
        rows: [],
        isCancelled: false,
      };
      jobs.set(job.id, job);

      let next = 0;
      async function takeRows(): Promise<void> {
        while (next < rows.length && !job.isCancelled && job.failure === null) {
          const number = ++next;
          const result = await runRow(rows[number - 1] as (typeof rows)[number]);
          job.rows.push({ number, ...result });
          job.done++;
          // The last one is told by the job's end.
          if (job.done < job.total) updated(job);
        }
      }
      const takers = Array.from({ length: concurrency }, () =>
        takeRows().catch((error: Error) => {
          job.failure ??= error.message;
        }),
      );
      Promise.all(takers).then(() => finish(job));
      return snapshot(job);
    },
    get(id) {
      const job = jobs.get(id);
      return job ? snapshot(job) : null;
    },
    list: () => [...jobs.values()].map(snapshot).reverse(),
    cancel(id) {
      const job = jobs.get(id);
      if (!job) return null;
      if (job.status === 'RUNNING') job.isCancelled = true;
      return snapshot(job);
    },
    onUpdate(listener) {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
  };
}

/** The job as it is now; its rows are put in order only when somebody reads them. */
function snapshot({ isCancelled: _inner, rows, ...job }: OpenJob): Job {
  const count = rows.length;
  return {
    ...job,
    get rows() {
      return rows.slice(0, count).sort((a, b) => a.number - b.number);
    },
  };
}
