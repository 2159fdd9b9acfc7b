import { defineEntity, p } from '@mikro-orm/core';

export type JobStatus = 'RUNNING' | 'SUCCEEDED' | 'CANCELLED' | 'FAILED';
export type JobRowOutcome = 'ADDED' | 'DUPLICATE' | 'INVALID' | 'VALID' | 'INCONCLUSIVE' | 'SKIPPED';

/** Work on many rows. `sealedRows` is what it was given, encrypted as the keys are; it is wiped when the job ends. */
const JobSchema = defineEntity({
  name: 'Job',
  tableName: 'job',
  properties: {
    id: p.string().primary(),
    kind: p.string(),
    status: p.string().$type<JobStatus>(),
    actor: p.string(),
    concurrency: p.integer(),
    sealedRows: p.text().nullable(),
    total: p.integer(),
    startedAt: p.integer(),
    finishedAt: p.integer().nullable(),
    failure: p.string().nullable(),
  },
});
export class Job extends JobSchema.class {}
JobSchema.setClass(Job);

/** What came of one row of a job. A row without one was not done yet. */
const JobRowSchema = defineEntity({
  name: 'JobRow',
  tableName: 'job_row',
  properties: {
    jobId: p.string().primary(),
    /** From 1, in the order of the input. */
    number: p.integer().primary(),
    maskedKey: p.string(),
    outcome: p.string().$type<JobRowOutcome>(),
    message: p.string().nullable(),
    upstreamKeyId: p.string().nullable(),
  },
});
export class JobRow extends JobRowSchema.class {}
JobRowSchema.setClass(JobRow);
