import { builder } from './builder.ts';
import { actor } from './client-key.ts';
import type { KeyFilter, KeyQuota, UpstreamKey } from './context.ts';
import { InvalidInputError, invalidInput, NotFoundError, orFailure, resultUnion } from './failures.ts';
import { connectionOf, pageSize } from './page.ts';
import { stoppable } from './stoppable.ts';
import { UsageTotalsType } from './usage-totals.ts';

export const UpstreamKeyStatus = builder.enumType('UpstreamKeyStatus', {
  description: 'State of an upstream key as the pool sees it.',
  values: {
    ACTIVE: { description: 'In use; it may rest for single models, see `cooldowns`.' },
    COOLING_DOWN: { description: 'Rests for all models.' },
    EXHAUSTED: { description: 'No quota is left today for any model it serves.' },
    REJECTED: { description: 'Google does not accept it.' },
    DISABLED: { description: 'Switched off.' },
  } as const,
});

const UpstreamKeySource = builder.enumType('UpstreamKeySource', {
  description: 'Where a key came from.',
  values: {
    ENVIRONMENT: { description: 'From GEMINI_API_KEYS.' },
    IMPORT: { description: 'Added here.' },
  } as const,
});

const Cooldown = builder.objectRef<UpstreamKey['cooldowns'][number]>('Cooldown').implement({
  description: 'A rest for one model.',
  fields: (t) => ({
    model: t.exposeString('model', { description: 'The model.' }),
    until: t.field({ type: 'DateTime', description: 'When it ends.', resolve: ({ until }) => until }),
    reason: t.exposeString('reason', { description: 'The failure that caused it.' }),
  }),
});

const QuotaKind = builder.enumType('QuotaKind', {
  description: 'What a quota counts.',
  values: {
    REQUESTS_PER_MINUTE: { value: 'requests-per-minute', description: 'Requests in a minute.' },
    TOKENS_PER_MINUTE: { value: 'tokens-per-minute', description: 'Tokens of prompts in a minute.' },
    REQUESTS_PER_DAY: { value: 'requests-per-day', description: 'Requests from midnight to midnight in California.' },
    TOKENS_PER_DAY: {
      value: 'tokens-per-day',
      description: 'Tokens of prompts from midnight to midnight in California.',
    },
  } as const,
});
const Quota = builder.objectRef<KeyQuota>('Quota').implement({
  description: 'What Google grants the project of a key for one model.',
  fields: (t) => ({
    model: t.exposeString('model', { description: 'The model.' }),
    kind: t.field({ type: QuotaKind, description: 'What it counts.', resolve: ({ kind }) => kind }),
    limit: t.field({ type: 'SafeInt', description: 'As Google told it.', resolve: ({ limit }) => limit }),
    used: t.field({ type: 'SafeInt', description: 'By requests that went through here.', resolve: ({ used }) => used }),
  }),
});

export const UpstreamKeyType = builder.objectRef<UpstreamKey>('UpstreamKey').implement({
  description: 'A Gemini API key of the pool. Only an export shows the key itself.',
  fields: (t) => ({
    id: t.exposeID('id', { description: 'Begins with `uk_`.' }),
    maskedKey: t.exposeString('maskedKey', { description: 'Enough to recognise it.' }),
    label: t.exposeString('label', { nullable: true, description: 'What people call it.' }),
    tags: t.exposeStringList('tags', { description: 'Words to find it by.' }),
    group: t.exposeString('group', { nullable: true, description: 'The one group it is in.' }),
    project: t.exposeString('project', {
      nullable: true,
      description: 'The project at Google, where it is known. Keys of one project share their quotas.',
    }),
    quotas: t.field({
      type: [Quota],
      description: 'The quotas whose limits Google has told, and what is used of them now.',
      resolve: ({ id }, _args, { services }) => services.quotasOf(id),
    }),
    status: t.field({ type: UpstreamKeyStatus, description: 'What it is up to.', resolve: ({ status }) => status }),
    source: t.field({ type: UpstreamKeySource, description: 'Where it came from.', resolve: ({ source }) => source }),
    isDeleted: t.exposeBoolean('isDeleted', { description: 'Wiped; its history stays.' }),
    createdAt: t.field({ type: 'DateTime', description: 'When it was added.', resolve: ({ createdAt }) => createdAt }),
    lastUsedAt: t.field({
      type: 'DateTime',
      nullable: true,
      description: 'When the newest request that it answered began.',
      resolve: async ({ id }, _args, { services }) => (await services.usageOf('upstreamKeyId', id)).lastUsedAt,
    }),
    usage: t.field({
      type: UsageTotalsType,
      description: 'All requests whose last call went to it.',
      resolve: ({ id }, _args, { services }) => services.usageOf('upstreamKeyId', id),
    }),
    cooldownUntil: t.field({
      type: 'DateTime',
      nullable: true,
      description: 'When it is back, while it is cooling down or exhausted.',
      resolve: ({ cooldownUntil }) => cooldownUntil,
    }),
    lastFailure: t.exposeString('lastFailure', {
      nullable: true,
      description: 'Class of the latest failure of the key.',
    }),
    lastFailureMessage: t.exposeString('lastFailureMessage', {
      nullable: true,
      description: "Google's words for it, without keys.",
    }),
    cooldowns: t.field({
      type: [Cooldown],
      description: 'Rests for single models.',
      resolve: ({ cooldowns }) => cooldowns,
    }),
    proxy: t.string({
      nullable: true,
      description: 'The proxy of its own, without name and password.',
      resolve: ({ id }, _args, { services }) => services.keySettings.of(id).proxy,
    }),
    weight: t.int({
      description: 'Its parts of the requests, with POOL_STRATEGY=weighted.',
      resolve: ({ id }, _args, { services }) => services.keySettings.of(id).weight,
    }),
    connectionsMax: t.int({
      nullable: true,
      description: 'Calls that it serves at a time; null: any number.',
      resolve: ({ id }, _args, { services }) => services.keySettings.of(id).connectionsMax,
    }),
    inFlight: t.exposeInt('inFlight', { description: 'Calls it is serving now.' }),
  }),
});
const UpstreamKeyConnection = connectionOf('UpstreamKeyConnection', UpstreamKeyType as never);

const UpdateSuccess = builder.objectRef<{ __typename: string; id: string }>('UpstreamKeyUpdateSuccess').implement({
  description: 'The key was changed.',
  fields: (t) => ({
    upstreamKey: t.field({
      type: UpstreamKeyType,
      description: 'The key.',
      resolve: ({ id }, _args, { services }) => services.upstreamKey(id) as UpstreamKey,
    }),
  }),
});
/** Without what is null: of these there is always one. */
function given<Fields extends object>(fields: Fields): { [Name in keyof Fields]?: NonNullable<Fields[Name]> } {
  return Object.fromEntries(Object.entries(fields).filter(([, value]) => value != null)) as never;
}

const DeleteSuccess = builder.objectRef<{ __typename: string; id: string }>('UpstreamKeyDeleteSuccess').implement({
  description: 'The key was deleted.',
  fields: (t) => ({ id: t.exposeID('id', { description: 'Of the key.' }) }),
});

const UpdateInput = builder.inputType('UpstreamKeyUpdateInput', {
  description: 'What to change of a key; what is left out stays.',
  fields: (t) => ({
    id: t.id({ required: true, description: 'Of the key.' }),
    isEnabled: t.boolean({ description: 'Off: the pool leaves it alone.' }),
    weight: t.int({ description: 'With POOL_STRATEGY=weighted it gets so many parts of the requests, 1 to 1,000.' }),
    connectionsMax: t.int({ description: 'Calls that it serves at a time; null: any number.' }),
    proxyUrl: t.string({
      description:
        "By which its calls go, such as `http://name:password@host:3128` or `socks5://host:1080`; kept sealed and never shown again. Null: its group's, or the way of all.",
    }),
  }),
});
const DeleteInput = builder.inputType('UpstreamKeyDeleteInput', {
  description: 'The key to delete.',
  fields: (t) => ({ id: t.id({ required: true, description: 'Of the key.' }) }),
});

export const FilterInput = builder.inputRef<KeyFilter>('UpstreamKeyFilter').implement({
  description: 'Narrows the keys of the pool. What is left out narrows nothing.',
  fields: (t) => ({
    status: t.field({ type: [UpstreamKeyStatus], description: 'In one of these states.' }),
    tags: t.stringList({ description: 'With all of these tags.' }),
    group: t.string({ description: 'In this group; an empty name: in none.' }),
    search: t.string({ description: 'In the label or the masked key.' }),
  }),
});

builder.queryFields((t) => ({
  upstreamKeys: t.field({
    type: UpstreamKeyConnection,
    description: 'The keys of the pool, oldest first.',
    args: {
      first: t.arg.int({ defaultValue: 50 }),
      after: t.arg.string(),
      filter: t.arg({ type: FilterInput }),
    },
    resolve: (_root, { first, after, filter }, { services }) => {
      const keys = services.selectUpstreamKeys(filter ?? {});
      const rest = keys.filter((key) => !after || key.id > after);
      const nodes = rest.slice(0, pageSize(first));
      const hasNextPage = nodes.length < rest.length;
      return { nodes, hasNextPage, endCursor: nodes.at(-1)?.id ?? null, totalCount: keys.length } as never;
    },
  }),
}));

builder.mutationFields((t) => ({
  upstreamKeyUpdate: t.field({
    type: resultUnion('UpstreamKeyUpdateResult', UpdateSuccess as never, [NotFoundError, InvalidInputError]),
    description: 'Switches a key of the pool on or off, and sets how it is used.',
    args: { input: t.arg({ type: UpdateInput, required: true }) },
    resolve: (_root, { input: { id, isEnabled, weight, ...settings } }, context) =>
      orFailure(async () => {
        const update = { ...given({ isEnabled, weight }), ...settings };
        const problem = await context.services.keySettings.update(String(id), update, actor(context));
        return problem ? invalidInput(problem.field, problem.message) : { __typename: 'UpstreamKeyUpdateSuccess', id };
      }) as never,
  }),
  upstreamKeyDelete: t.field({
    type: resultUnion('UpstreamKeyDeleteResult', DeleteSuccess as never, [NotFoundError]),
    description: 'Wipes a key. Its requests stay in the ledger; the environment does not bring it back.',
    args: { input: t.arg({ type: DeleteInput, required: true }) },
    resolve: (_root, { input: { id } }, context) =>
      orFailure(async () => {
        await context.services.upstreamKeys.delete(String(id), actor(context));
        return { __typename: 'UpstreamKeyDeleteSuccess', id };
      }) as never,
  }),
}));

builder.subscriptionFields((t) => ({
  upstreamKeysUpdated: t.field({
    type: [UpstreamKeyType],
    description:
      'All keys of the pool at first; then, at most once a second, those that have changed. A key with `isDeleted` is gone.',
    subscribe: (_root, _args, { services }) => stoppable((signal) => services.followPoolKeys(signal)),
    resolve: (keys) => keys,
  }),
}));
