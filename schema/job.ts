import { builder } from './builder.ts';
import { actor } from './client-key.ts';
import type { Job, JobRow } from './context.ts';
import { ConflictError, InvalidInputError, invalidInput, NotFoundError, orFailure, resultUnion } from './failures.ts';
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
const JobRowOutcome = builder.enumType('JobRowOutcome', {
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
    outcome: t.field({ type: JobRowOutcome, description: 'What came of it.', resolve: ({ outcome }) => outcome }),
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

const JobType = builder.objectRef<Job>('Job').implement({
  description:
    'Work on many keys that goes on after the call that started it. Kept in memory; the last ones are remembered.',
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
    rows: t.field({ type: [JobRowType], description: 'The rows that are done.', resolve: ({ rows }) => [...rows] }),
  }),
});

const StartSuccess = builder.objectRef<{ __typename: string; job: Job }>('JobStartSuccess').implement({
  description: 'The job began.',
  fields: (t) => ({ job: t.field({ type: JobType, description: 'The job.', resolve: ({ job }) => job }) }),
});
const CancelSuccess = builder.objectRef<{ __typename: string; job: Job }>('JobCancelSuccess').implement({
  description: 'No further row is begun.',
  fields: (t) => ({ job: t.field({ type: JobType, description: 'The job.', resolve: ({ job }) => job }) }),
});
const JobStartResult = resultUnion('JobStartResult', StartSuccess as never, [InvalidInputError, ConflictError]);

const ImportInput = builder.inputType('UpstreamKeyImportInput', {
  description: 'The keys to add: a text that holds them, or one by one.',
  fields: (t) => ({
    text: t.string({ description: 'Any text; the keys in it are found.' }),
    keys: t.stringList({ description: 'At most 10,000.' }),
  }),
});
const VerifyInput = builder.inputType('UpstreamKeyVerifyInput', {
  description: 'The keys to check.',
  fields: (t) => ({ ids: t.idList({ description: 'Left out: all of the pool.' }) }),
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
  upstreamKeyImport: t.field({
    type: JobStartResult,
    description: 'Adds keys to the pool. The keys are sealed and never shown again.',
    args: { input: t.arg({ type: ImportInput, required: true }) },
    resolve: (_root, { input: { text, keys } }, context) =>
      orFailure(async () => {
        const given = text ?? keys;
        if (given == null || (text != null && keys != null)) return invalidInput('text', 'Give either text or keys.');
        const started = context.services.upstreamKeyJobs.startImport(given, actor(context));
        if ('problem' in started) return invalidInput(text != null ? 'text' : 'keys', started.problem);
        return { __typename: 'JobStartSuccess', job: started };
      }) as never,
  }),
  upstreamKeyVerify: t.field({
    type: JobStartResult,
    description: 'Asks Google whether it accepts the keys. Costs no quota.',
    args: { input: t.arg({ type: VerifyInput, required: true }) },
    resolve: (_root, { input: { ids } }, { services }) =>
      orFailure(async () => ({
        __typename: 'JobStartSuccess',
        job: services.upstreamKeyJobs.startVerify(ids?.map(String) ?? null),
      })) as never,
  }),
  jobCancel: t.field({
    type: resultUnion('JobCancelResult', CancelSuccess as never, [NotFoundError]),
    description: 'Stops a job after the rows that are on their way.',
    args: { input: t.arg({ type: CancelInput, required: true }) },
    resolve: (_root, { input: { id } }, { services }) =>
      orFailure(async () => {
        const job = services.jobs.cancel(String(id));
        if (job) return { __typename: 'JobCancelSuccess', job };
        return { __typename: 'NotFoundError', code: 'not_found', message: 'There is no job with this id.' };
      }) as never,
  }),
}));

builder.subscriptionFields((t) => ({
  jobUpdated: t.field({
    type: JobType,
    description: 'A job now and after every step, to its end.',
    args: { id: t.arg.id({ required: true }) },
    subscribe: (_root, { id }, { services }) => stoppable((signal) => services.followJob(String(id), signal)),
    resolve: (job) => job,
  }),
}));
