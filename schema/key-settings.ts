import { builder } from './builder.ts';
import { actor } from './client-key.ts';
import type { QuotaRule } from './context.ts';
import { InvalidInputError, invalidInput, orFailure, resultUnion } from './failures.ts';

interface Group {
  name: string;
  keyCount: number;
  proxy: string | null;
}
const GroupType = builder.objectRef<Group>('UpstreamKeyGroup').implement({
  description: 'A group of keys.',
  fields: (t) => ({
    name: t.exposeString('name', { description: 'Its name.' }),
    keyCount: t.exposeInt('keyCount', { description: 'Keys in it.' }),
    proxy: t.exposeString('proxy', {
      nullable: true,
      description: 'The proxy of those of its keys that have none of their own, without name and password.',
    }),
  }),
});
const GroupSuccess = builder
  .objectRef<{ __typename: string; group: string }>('UpstreamKeyGroupUpdateSuccess')
  .implement({
    description: 'The group was changed.',
    fields: (t) => ({ group: t.exposeString('group', { description: 'Its name.' }) }),
  });
const GroupInput = builder.inputType('UpstreamKeyGroupUpdateInput', {
  description: 'What to change of a group.',
  fields: (t) => ({
    group: t.string({ required: true, description: 'Its name.' }),
    proxyUrl: t.string({
      description: 'By which the calls of its keys go; null: the way of all. Kept sealed and never shown again.',
    }),
  }),
});

/** The names of limits here, and in a rule. */
const kinds = {
  requestsPerMinute: 'requests-per-minute',
  tokensPerMinute: 'tokens-per-minute',
  requestsPerDay: 'requests-per-day',
  tokensPerDay: 'tokens-per-day',
} as const;
type LimitName = keyof typeof kinds;
const limitNames = Object.keys(kinds) as LimitName[];
const meanings: Record<LimitName, string> = {
  requestsPerMinute: 'Requests in a minute.',
  tokensPerMinute: 'Tokens of prompts in a minute.',
  requestsPerDay: 'Requests from midnight to midnight in California.',
  tokensPerDay: 'Tokens of prompts from midnight to midnight in California.',
};

const RuleType = builder.objectRef<QuotaRule>('QuotaRule').implement({
  description: "Limits that hold beside Google's, for each project and model that the rule is about.",
  fields: (t) => ({
    upstreamKeyId: t.exposeID('upstreamKeyId', { nullable: true, description: 'About this key; null: any.' }),
    group: t.exposeString('group', {
      nullable: true,
      description: 'About the keys of this group; null: any, or none.',
    }),
    model: t.exposeString('model', {
      nullable: true,
      description: 'About these models, `*` stands for anything; null: any.',
    }),
    ...Object.fromEntries(
      limitNames.map((name) => [
        name,
        t.field({
          type: 'SafeInt',
          nullable: true,
          description: meanings[name],
          resolve: ({ limits }) => limits[kinds[name]] ?? null,
        }),
      ]),
    ),
  }),
});
const RuleSuccess = builder.objectRef<{ __typename: string; rules: QuotaRule[] }>('QuotaRuleSetSuccess').implement({
  description: 'The rule is set.',
  fields: (t) => ({
    rules: t.field({ type: [RuleType], description: 'All there are now.', resolve: ({ rules }) => rules }),
  }),
});
const RuleInput = builder.inputType('QuotaRuleSetInput', {
  description:
    'A rule; it takes the place of the one about the same key, group and model. Without limits that one is gone.',
  fields: (t) => ({
    upstreamKeyId: t.id({ description: 'About this key; left out: any.' }),
    group: t.string({ description: 'About the keys of this group; left out: any, or none.' }),
    model: t.string({ description: 'About these models, `*` stands for anything; left out: any.' }),
    requestsPerMinute: t.field({ type: 'SafeInt', description: meanings.requestsPerMinute }),
    tokensPerMinute: t.field({ type: 'SafeInt', description: meanings.tokensPerMinute }),
    requestsPerDay: t.field({ type: 'SafeInt', description: meanings.requestsPerDay }),
    tokensPerDay: t.field({ type: 'SafeInt', description: meanings.tokensPerDay }),
  }),
});

builder.queryFields((t) => ({
  upstreamKeyGroups: t.field({
    type: [GroupType],
    description: 'The groups that keys are in or that have a proxy, by name.',
    resolve: (_root, _args, { services }) => {
      const proxies = services.keySettings.groupProxies();
      const counts = new Map([...proxies.keys()].map((name) => [name, 0]));
      for (const { group } of services.poolKeys()) if (group !== null) counts.set(group, (counts.get(group) ?? 0) + 1);
      return [...counts]
        .map(([name, keyCount]) => ({ name, keyCount, proxy: proxies.get(name) ?? null }))
        .sort((a, b) => a.name.localeCompare(b.name));
    },
  }),
  quotaRules: t.field({
    type: [RuleType],
    description: 'Limits that were set here.',
    resolve: (_root, _args, { services }) => services.keySettings.rules(),
  }),
}));

builder.mutationFields((t) => ({
  upstreamKeyGroupUpdate: t.field({
    type: resultUnion('UpstreamKeyGroupUpdateResult', GroupSuccess as never, [InvalidInputError]),
    description: 'Sets the proxy of a group of keys.',
    args: { input: t.arg({ type: GroupInput, required: true }) },
    resolve: (_root, { input: { group, proxyUrl } }, context) =>
      orFailure(async () => {
        const problem = await context.services.keySettings.updateGroup(group, proxyUrl ?? null, actor(context));
        return problem
          ? invalidInput(problem.field, problem.message)
          : { __typename: 'UpstreamKeyGroupUpdateSuccess', group };
      }) as never,
  }),
  quotaRuleSet: t.field({
    type: resultUnion('QuotaRuleSetResult', RuleSuccess as never, [InvalidInputError]),
    description: 'Sets limits for a key, a group or a model, or takes them away.',
    args: { input: t.arg({ type: RuleInput, required: true }) },
    resolve: (_root, { input: { upstreamKeyId, group, model, ...given } }, context) =>
      orFailure(async () => {
        const { services } = context;
        if (upstreamKeyId != null && !services.upstreamKey(String(upstreamKeyId)))
          return invalidInput('upstreamKeyId', 'There is no upstream key with this id.');
        const limits = limitNames.flatMap((name) => (given[name] == null ? [] : [[kinds[name], given[name]]]));
        const about = {
          upstreamKeyId: upstreamKeyId == null ? null : String(upstreamKeyId),
          group: group ?? null,
          model: model ?? null,
        };
        const problem = await services.keySettings.setRule(
          { ...about, limits: Object.fromEntries(limits) },
          actor(context),
        );
        const wrong = limitNames.find((name) => kinds[name] === problem?.field) ?? problem?.field;
        if (problem) return invalidInput(wrong ?? '', problem.message);
        return { __typename: 'QuotaRuleSetSuccess', rules: services.keySettings.rules() };
      }) as never,
  }),
}));
