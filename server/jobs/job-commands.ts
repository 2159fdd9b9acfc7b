import type { Connection } from '../database.ts';
import type { CommandHandler } from '../ledger/commands.ts';
import { Job, type JobRowOutcome, type JobStatus } from './job.entity.ts';

export interface StartJob {
  id: string;
  kind: string;
  actor: string;
  concurrency: number;
  sealedRows: string;
  total: number;
}

/** Jobs that are remembered beside those that run. */
export const finishedJobsMax = 20;

const start: CommandHandler<StartJob, { startedAt: number }> = async ({ em, connection, now }, job) => {
  connection
    .prepare(
      `delete from job where id in
         (select id from job where status <> 'RUNNING' order by started_at desc, id desc limit -1 offset ?)`,
    )
    .run(finishedJobsMax - 1);
  await em.insert(Job, { ...job, status: 'RUNNING', startedAt: now, finishedAt: null, failure: null });
  return { events: [], result: { startedAt: now } };
};

const record: CommandHandler<{ id: string; rows: readonly JobRowResult[] }, null> = ({ connection }, { id, rows }) => {
  recordRows(connection, id, rows);
  return { events: [], result: null };
};

interface EndJob {
  id: string;
  status: Exclude<JobStatus, 'RUNNING'>;
  failure: string | null;
}

/** What was given to the job is needed no more. */
const end: CommandHandler<EndJob, { finishedAt: number }> = async ({ em, now }, { id, status, failure }) => {
  await em.nativeUpdate(Job, { id }, { status, failure, finishedAt: now, sealedRows: null });
  return { events: [], result: { finishedAt: now } };
};

export const jobCommands = { 'job.start': start, 'job.record': record, 'job.end': end };

/** What came of one row. */
export interface JobRowResult {
  /** From 1, in the order of the input. */
  number: number;
  maskedKey: string;
  outcome: JobRowOutcome;
  message: string | null;
  upstreamKeyId: string | null;
}

/** Keeps what came of rows, for commands that do a job's work: effect and result commit together. A row has one result, the first. */
export function recordRows(connection: Connection, jobId: string, rows: readonly JobRowResult[]): void {
  const insert = connection.prepare('insert or ignore into job_row values (?, ?, ?, ?, ?, ?)');
  for (const { number, maskedKey, outcome, message, upstreamKeyId } of rows)
    insert.run(jobId, number, maskedKey, outcome, message, upstreamKeyId);
}
