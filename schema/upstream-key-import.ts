import { builder } from './builder.ts';
import { actor } from './client-key.ts';
import type { ImportInput, ImportPreview, Job } from './context.ts';
import { ConflictError, InvalidInputError, invalidInput, orFailure, resultUnion } from './failures.ts';
import { JobType } from './job.ts';

const concurrencyDefault = 4;
const concurrencyMax = 50;

const StartSuccess = builder.objectRef<{ __typename: string; job: Job }>('JobStartSuccess').implement({
  description: 'The job began.',
  fields: (t) => ({ job: t.field({ type: JobType, description: 'The job.', resolve: ({ job }) => job }) }),
});
const JobStartResult = resultUnion('JobStartResult', StartSuccess as never, [InvalidInputError, ConflictError]);

const Problem = builder.objectRef<ImportPreview['problems'][number]>('UpstreamKeyImportProblem').implement({
  description: 'A row that is no key.',
  fields: (t) => ({
    number: t.exposeInt('number', { description: 'From 1, in the order of the input.' }),
    maskedKey: t.exposeString('maskedKey', { description: 'Enough to recognise it.' }),
    message: t.exposeString('message', { description: 'Why it is none, for people.' }),
  }),
});
const Preview = builder.objectRef<ImportPreview & { __typename: string }>('UpstreamKeyImportPreview').implement({
  description: 'What an import would do.',
  fields: (t) => ({
    total: t.exposeInt('total', { description: 'Rows in all.' }),
    new: t.exposeInt('fresh', { description: 'Keys that would be added.' }),
    stored: t.exposeInt('stored', { description: 'Keys that are there already.' }),
    repeated: t.exposeInt('repeated', { description: 'Rows with a key of an earlier row.' }),
    malformed: t.exposeInt('malformed', { description: 'Rows that are no key.' }),
    problems: t.field({
      type: [Problem],
      description: 'The first 100 rows that are no key.',
      resolve: ({ problems }) => problems,
    }),
  }),
});

const ImportInputType = builder.inputType('UpstreamKeyImportInput', {
  description: 'The keys to add, at most 10,000: either a text that holds them, or one by one, or a CSV.',
  fields: (t) => ({
    text: t.string({ description: 'Any text; the keys in it are found.' }),
    keys: t.stringList({ description: 'One by one.' }),
    csv: t.string({
      description:
        'A CSV whose first line names its columns: `key`, and if wanted `label` (or `name`), `tags`, `group` and `project`. Unknown columns are refused.',
    }),
    tags: t.stringList({ description: 'Put on all of them.' }),
    group: t.string({ description: 'Where all of them go that name no group.' }),
    project: t.string({
      description: 'The project at Google of all of them that name none. Keys of one project share their quotas.',
    }),
  }),
});
const VerifyInput = builder.inputType('UpstreamKeyVerifyInput', {
  description: 'The keys to check.',
  fields: (t) => ({
    ids: t.idList({ description: 'Left out: all of the pool.' }),
    concurrency: t.int({ defaultValue: concurrencyDefault, description: `Keys at a time, 1 to ${concurrencyMax}.` }),
  }),
});

type Given = Partial<Record<'text' | 'csv' | 'group' | 'project', string | null>> &
  Partial<Record<'keys' | 'tags', string[] | null>>;

/** Null unless exactly one of the three is there. */
function toImport(given: Given): ImportInput | null {
  const formats = (['text', 'keys', 'csv'] as const).filter((format) => given[format] != null);
  const [format] = formats;
  if (format === undefined || formats.length > 1) return null;
  const { tags, group = null, project = null } = given;
  return { format, content: given[format] as string, tags: tags ?? [], group, project };
}

/** Does something with an input that is sound as a whole. */
async function withImport<Result extends object>(
  given: Given,
  work: (input: ImportInput) => Promise<Result> | Result | { problem: string },
) {
  const input = toImport(given);
  if (!input) return invalidInput('text', 'Give either text or keys or csv.');
  const result = await work(input);
  return 'problem' in result ? invalidInput(input.format, String(result.problem)) : result;
}

builder.queryFields((t) => ({
  upstreamKeyImportPreview: t.field({
    type: resultUnion('UpstreamKeyImportPreviewResult', Preview as never, [InvalidInputError]),
    description: 'What an import of these keys would do. Changes nothing.',
    args: { input: t.arg({ type: ImportInputType, required: true }) },
    resolve: (_root, { input }, { services }) =>
      orFailure(async () => ({
        __typename: 'UpstreamKeyImportPreview',
        ...(await withImport(input, (given) => services.upstreamKeyJobs.previewImport(given))),
      })) as never,
  }),
}));

builder.mutationFields((t) => ({
  upstreamKeyImport: t.field({
    type: JobStartResult,
    description:
      'Adds keys to the pool, as a job with a result for each row. If the input cannot be taken as a whole, nothing is added.',
    args: { input: t.arg({ type: ImportInputType, required: true }) },
    resolve: (_root, { input }, context) =>
      orFailure(async () => {
        const { upstreamKeyJobs } = context.services;
        const started = await withImport(input, (given) => upstreamKeyJobs.startImport(given, actor(context)));
        return '__typename' in started ? started : { __typename: 'JobStartSuccess', job: started };
      }) as never,
  }),
  upstreamKeyVerify: t.field({
    type: JobStartResult,
    description:
      'Asks Google whether it accepts the keys, as a job. Asks for the list of models only, which costs no quota.',
    args: { input: t.arg({ type: VerifyInput, required: true }) },
    resolve: (_root, { input: { ids, concurrency } }, context) =>
      orFailure(async () => {
        const atATime = concurrency ?? concurrencyDefault;
        if (atATime < 1 || atATime > concurrencyMax)
          return invalidInput('concurrency', `Takes a number from 1 to ${concurrencyMax}.`);
        const { upstreamKeyJobs } = context.services;
        const job = await upstreamKeyJobs.startVerify(ids?.map(String) ?? null, atATime, actor(context));
        return { __typename: 'JobStartSuccess', job };
      }) as never,
  }),
}));
