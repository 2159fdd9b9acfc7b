import { builder } from './builder.ts';
import { actor } from './client-key.ts';
import type { Context, KeyChange, KeyChangeRow, KeyFilter, Viewer } from './context.ts';
import {
  ConflictError,
  InvalidInputError,
  invalidInput,
  orFailure,
  resultUnion,
  ThrottledError,
  UnauthenticatedError,
} from './failures.ts';
import { FilterInput } from './upstream-key.ts';

const idsMax = 10_000;

const Selection = builder.inputType('UpstreamKeySelection', {
  description: 'Which keys: either by id or by a filter.',
  fields: (t) => ({
    ids: t.idList({ description: 'These, at most 10,000.' }),
    filter: t.field({ type: FilterInput, description: 'All that pass it; an empty one: all of the pool.' }),
    expectedCount: t.int({
      description: 'How many keys the caller expects; if there are more or fewer now, nothing is done.',
    }),
  }),
});

interface Selected {
  ids?: readonly (string | number)[] | null;
  filter?: KeyFilter | null;
  expectedCount?: number | null;
}

/** The ids of a selection, each once; or why it cannot be taken. */
function idsOf({ ids, filter, expectedCount }: Selected, { services }: Context) {
  if ((ids == null) === (filter == null)) return invalidInput('selection', 'Give either ids or a filter.');
  if (ids && ids.length > idsMax) return invalidInput('selection', 'At most 10,000 ids at a time.');
  const found = filter ? services.selectUpstreamKeys(filter).map(({ id }) => id) : [...new Set(ids?.map(String))];
  if (expectedCount == null || expectedCount === found.length) return found;
  const message = `These are ${found.length} keys now, not ${expectedCount}. Nothing was done; look again.`;
  return { __typename: 'ConflictError', code: 'conflict', message } as const;
}

const ChangeOutcome = builder.enumType('UpstreamKeyChangeOutcome', {
  description: 'What came of one key.',
  values: {
    CHANGED: { description: 'It is done.' },
    UNCHANGED: { description: 'It was so already.' },
    NOT_FOUND: { description: 'There is no such key.' },
    REFUSED: { description: 'It would break a rule; see `message`.' },
  } as const,
});
const ChangeRow = builder.objectRef<KeyChangeRow>('UpstreamKeyChangeRow').implement({
  description: 'What came of one key of a change to many.',
  fields: (t) => ({
    id: t.exposeID('id', { description: 'Of the key.' }),
    maskedKey: t.exposeString('maskedKey', { description: 'Enough to recognise it; empty for one that is not there.' }),
    outcome: t.field({ type: ChangeOutcome, description: 'What came of it.', resolve: ({ outcome }) => outcome }),
    message: t.exposeString('message', { nullable: true, description: 'Why, for people.' }),
  }),
});
const ChangeSuccess = builder
  .objectRef<{ __typename: string; rows: readonly KeyChangeRow[] }>('UpstreamKeyChangeSuccess')
  .implement({
    description: 'The change was made, to all keys at once.',
    fields: (t) => ({
      changed: t.int({
        description: 'Keys that are different now.',
        resolve: ({ rows }) => rows.filter(({ outcome }) => outcome === 'CHANGED').length,
      }),
      rows: t.field({ type: [ChangeRow], description: 'A result for each key.', resolve: ({ rows }) => [...rows] }),
    }),
  });
const ChangeResult = resultUnion('UpstreamKeyChangeResult', ChangeSuccess as never, [InvalidInputError, ConflictError]);

/** Of the input, what can be wrong. */
const fields: Partial<Record<KeyChange['kind'], string>> = { move: 'group', tag: 'tags', project: 'project' };

async function change(selection: Selected, what: KeyChange, context: Context) {
  return orFailure(async () => {
    const ids = idsOf(selection, context);
    if ('__typename' in ids) return ids;
    const { upstreamKeys } = context.services;
    const changed = await upstreamKeys.changeMany(ids, what, actor(context));
    if ('problem' in changed) return invalidInput(fields[what.kind] ?? 'selection', changed.problem);
    return { __typename: 'UpstreamKeyChangeSuccess', rows: changed };
  });
}

const selectionInput = (name: string, description: string) =>
  builder.inputType(name, {
    description,
    fields: (t) => ({ selection: t.field({ type: Selection, required: true, description: 'The keys.' }) }),
  });
const EnableInput = selectionInput('UpstreamKeyBulkEnableInput', 'The keys to switch on.');
const DisableInput = selectionInput('UpstreamKeyBulkDisableInput', 'The keys to switch off.');
const DeleteInput = selectionInput('UpstreamKeyBulkDeleteInput', 'The keys to delete.');
const TagInput = builder.inputType('UpstreamKeyBulkTagInput', {
  description: 'The tags to put on keys and to take off.',
  fields: (t) => ({
    selection: t.field({ type: Selection, required: true, description: 'The keys.' }),
    add: t.stringList({ description: 'Put on; a key has at most 20.' }),
    remove: t.stringList({ description: 'Taken off.' }),
  }),
});
const MoveInput = builder.inputType('UpstreamKeyBulkMoveInput', {
  description: 'The keys to move.',
  fields: (t) => ({
    selection: t.field({ type: Selection, required: true, description: 'The keys.' }),
    group: t.string({ description: 'Where to; null or empty: out of any group.' }),
  }),
});

const ProjectInput = builder.inputType('UpstreamKeyBulkAssignProjectInput', {
  description: 'The keys of a project.',
  fields: (t) => ({
    selection: t.field({ type: Selection, required: true, description: 'The keys.' }),
    project: t.string({ description: 'Its name at Google, or any other; null or empty: none is known.' }),
  }),
});

builder.mutationFields((t) => ({
  upstreamKeyBulkEnable: t.field({
    type: ChangeResult,
    description: 'Switches many keys on, in one transaction.',
    args: { input: t.arg({ type: EnableInput, required: true }) },
    resolve: (_root, { input }, context) => change(input.selection, { kind: 'enable' }, context) as never,
  }),
  upstreamKeyBulkDisable: t.field({
    type: ChangeResult,
    description: 'Switches many keys off, in one transaction.',
    args: { input: t.arg({ type: DisableInput, required: true }) },
    resolve: (_root, { input }, context) => change(input.selection, { kind: 'disable' }, context) as never,
  }),
  upstreamKeyBulkDelete: t.field({
    type: ChangeResult,
    description:
      'Wipes many keys, in one transaction. Their requests stay in the ledger; the environment does not bring them back.',
    args: { input: t.arg({ type: DeleteInput, required: true }) },
    resolve: (_root, { input }, context) => change(input.selection, { kind: 'delete' }, context) as never,
  }),
  upstreamKeyBulkTag: t.field({
    type: ChangeResult,
    description: 'Puts tags on many keys and takes others off, in one transaction.',
    args: { input: t.arg({ type: TagInput, required: true }) },
    resolve: (_root, { input: { selection, add, remove } }, context) =>
      change(selection, { kind: 'tag', add: add ?? [], remove: remove ?? [] }, context) as never,
  }),
  upstreamKeyBulkMove: t.field({
    type: ChangeResult,
    description: 'Moves many keys into a group or out of theirs, in one transaction.',
    args: { input: t.arg({ type: MoveInput, required: true }) },
    resolve: (_root, { input: { selection, group } }, context) =>
      change(selection, { kind: 'move', group: group ?? null }, context) as never,
  }),
  upstreamKeyBulkAssignProject: t.field({
    type: ChangeResult,
    description:
      'Tells that many keys belong to one project at Google, in one transaction: from then on they share their quotas here too.',
    args: { input: t.arg({ type: ProjectInput, required: true }) },
    resolve: (_root, { input: { selection, project } }, context) =>
      change(selection, { kind: 'project', project: project ?? null }, context) as never,
  }),
}));

const ExportFormat = builder.enumType('UpstreamKeyExportFormat', {
  description: 'How exported keys are written.',
  values: {
    TEXT: { description: 'One key per line.' },
    CSV: { description: 'With label, tags, group and project, as an import reads it.' },
  } as const,
});
const ExportSuccess = builder
  .objectRef<{ __typename: string; content: string; count: number }>('UpstreamKeyExportSuccess')
  .implement({
    description: 'Keys in the clear. The ledger tells who got them.',
    fields: (t) => ({
      content: t.exposeString('content', { description: 'The keys.' }),
      count: t.exposeInt('count', { description: 'How many.' }),
    }),
  });
const ExportInput = builder.inputType('UpstreamKeyExportInput', {
  description: 'The keys to export.',
  fields: (t) => ({
    selection: t.field({ type: Selection, required: true, description: 'The keys.' }),
    password: t.string({ required: true, description: 'Of who is signed in, typed again.' }),
    format: t.field({ type: ExportFormat, defaultValue: 'TEXT', description: 'How they are written.' }),
  }),
});

builder.mutationFields((t) => ({
  upstreamKeyExport: t.field({
    type: resultUnion('UpstreamKeyExportResult', ExportSuccess as never, [
      InvalidInputError,
      ConflictError,
      UnauthenticatedError,
      ThrottledError,
    ]),
    description: 'For the owner, with the password: gives keys in the clear, to move to another installation.',
    authScopes: { owner: true },
    args: { input: t.arg({ type: ExportInput, required: true }) },
    resolve: (_root, { input: { selection, password, format } }, context) =>
      orFailure(async () => {
        const { services, viewer, address } = context;
        const ids = idsOf(selection, context);
        if ('__typename' in ids) return ids;
        await services.admin.confirmPassword(viewer as Viewer, password, address);
        const exported = await services.upstreamKeys.export(ids, format ?? 'TEXT', actor(context));
        return { __typename: 'UpstreamKeyExportSuccess', ...exported };
      }) as never,
  }),
}));
