import { builder } from './builder.ts';
import type { Job, JobRow, JobRowOutcome } from './context.ts';
import { NotFoundError, orFailure, resultUnion } from './failures.ts';
import { connectionOf, pageSize } from './page.ts';
import { stoppable } from './stoppable.ts';
import { UpstreamKeyType } from './upstream-key.ts';

const JobKind = builder.enumType('JobKind', {
  description: 'What a job does.',
  values: {
    UPSTREAM_KEY_IMPORT: { description: 'Adds keys to the pool.' },
    UPSTREAM_KEY_VERIFY: { description: 'Asks Google about keys.' },
  } as const,
});
const JobStatus = builder.enumType('JobStatus', {
  description: 'How far a job is.',
  values: {
    RUNNING: { description: 'It goes on.' },
    SUCCEEDED: { description: 'All rows are done.' },
    CANCELLED: { description: 'Stopped by somebody; the rows that are left were not begun.' },
    FAILED: { description: 'Broken off by an error.' },
  } as const,
});
const JobRowOutcomeType = builder.enumType('JobRowOutcome', {
  description: 'What came of a row.',
  values: {
    ADDED: { description: 'The key is in the pool now.' },
    DUPLICATE: { description: 'It was there already.' },
    INVALID: { description: 'It is no key, or Google refuses it.' },
    VALID: { description: 'Google accepts it.' },
    INCONCLUSIVE: { description: 'Google did not say.' },
    SKIPPED: { description: 'There was nothing to do.' },
  } as const,
});

const JobRowType = builder.objectRef<JobRow>('JobRow').implement({
  description: 'What came of one key.',
  fields: (t) => ({
    number: t.exposeInt('number', { description: 'From 1, in the order of the input.' }),
    maskedKey: t.exposeString('maskedKey', { description: 'Enough to recognise it.' }),
    outcome: t.field({ type: JobRowOutcomeType, description: 'What came of it.', resolve: ({ outcome }) => outcome }),
    message: t.exposeString('message', { nullable: true, description: 'Why, for people.' }),
    upstreamKey: t.field({
      type: UpstreamKeyType,
      nullable: true,
      description: 'The key of the pool.',
      resolve: ({ upstreamKeyId }, _args, { services }) =>
        upstreamKeyId === null ? null : services.upstreamKey(upstreamKeyId),
    }),
  }),
});

const JobRowConnection = connectionOf('JobRowConnection', JobRowType as never);
const OutcomeCount = builder.objectRef<{ outcome: JobRowOutcome; rows: number }>('JobOutcomeCount').implement({
  description: 'How many rows came to this.',
  fields: (t) => ({
    outcome: t.field({ type: JobRowOutcomeType, description: 'What came of them.', resolve: ({ outcome }) => outcome }),
    rows: t.exposeInt('rows', { description: 'How many.' }),
  }),
});

export const JobType = builder.objectRef<Job>('Job').implement({
  description:
    'Work on many keys that goes on after the call that started it, and after a restart. The last 20 that ended are remembered.',
  fields: (t) => ({
    id: t.exposeID('id', { description: 'Begins with `job_`.' }),
    kind: t.field({
      type: JobKind,
      description: 'What it does.',
      resolve: ({ kind }) => kind as 'UPSTREAM_KEY_IMPORT',
    }),
    status: t.field({ type: JobStatus, description: 'How far it is.', resolve: ({ status }) => status }),
    total: t.exposeInt('total', { description: 'Rows in all.' }),
    done: t.exposeInt('done', { description: 'Rows that are done.' }),
    startedAt: t.field({ type: 'DateTime', description: 'When it began.', resolve: ({ startedAt }) => startedAt }),
    finishedAt: t.field({
      type: 'DateTime',
      nullable: true,
      description: 'When it ended.',
      resolve: ({ finishedAt }) => finishedAt,
    }),
    failure: t.exposeString('failure', { nullable: true, description: 'Why it failed.' }),
    counts: t.field({
      type: [OutcomeCount],
      description: 'What came of the rows that are done, without outcomes of no row.',
      resolve: ({ counts }) =>
        Object.entries(counts).map(([outcome, rows]) => ({ outcome: outcome as JobRowOutcome, rows })),
    }),
    rows: t.field({
      type: JobRowConnection,
      description: 'The rows that are done, in the order of the input.',
      args: {
        first: t.arg.int({ defaultValue: 50 }),
        after: t.arg.string(),
        outcomes: t.arg({ type: [JobRowOutcomeType], description: 'Only these; left out: all.' }),
      },
      resolve: ({ id }, { first, after, outcomes }, { services }) =>
        services.jobs.rows(id, pageSize(first), after ?? null, outcomes ?? null) as never,
    }),
  }),
});

const CancelSuccess = builder.objectRef<{ __typename: string; job: Job }>('JobCancelSuccess').implement({
  description: 'No further row is begun.',
  fields: (t) => ({ job: t.field({ type: JobType, description: 'The job.', resolve: ({ job }) => job }) }),
});
const CancelInput = builder.inputType('JobCancelInput', {
  description: 'The job to stop.',
  fields: (t) => ({ id: t.id({ required: true, description: 'Of the job.' }) }),
});

builder.queryFields((t) => ({
  job: t.field({
    type: JobType,
    nullable: true,
    description: 'The job with this id, if it is still remembered.',
    args: { id: t.arg.id({ required: true }) },
    resolve: (_root, { id }, { services }) => services.jobs.get(String(id)),
  }),
  jobs: t.field({
    type: [JobType],
    description: 'The latest jobs, newest first.',
    resolve: (_root, _args, { services }) => services.jobs.list(),
  }),
}));

builder.mutationFields((t) => ({
  jobCancel: t.field({
    type: resultUnion('JobCancelResult', CancelSuccess as never, [NotFoundError]),
    description: 'Stops a job after the rows that are on their way.',
    args: { input: t.arg({ type: CancelInput, required: true }) },
    resolve: (_root, { input: { id } }, { services }) =>
      orFailure(async () => {
        const job = await services.jobs.cancel(String(id));
        if (job) return { __typename: 'JobCancelSuccess', job };
        return { __typename: 'NotFoundError', code: 'not_found', message: 'There is no job with this id.' };
      }) as never,
  }),
}));

builder.subscriptionFields((t) => ({
  jobUpdated: t.field({
    type: JobType,
    description: 'A job now and after every step, to its end. Without an id: every job that runs now or later.',
    args: { id: t.arg.id() },
    subscribe: (_root, { id }, { services }) =>
      stoppable((signal) => (id == null ? services.followJobs(signal) : services.followJob(String(id), signal))),
    resolve: (job) => job,
  }),
}));
