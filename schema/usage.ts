import { builder } from './builder.ts';
import type { LiveFigures, UsageTotals } from './context.ts';

interface Tokens {
  inputTokens: number;
  cachedInputTokens: number;
  outputTokens: number;
  reasoningTokens: number;
  totalTokens: number;
  isEstimated: boolean;
}

export const TokensType = builder.objectRef<Tokens>('Tokens').implement({
  description: 'Token counts. Cached ones are part of the input, reasoning is part of the output.',
  fields: (t) => ({
    input: t.field({ type: 'SafeInt', description: 'Of the prompt.', resolve: ({ inputTokens }) => inputTokens }),
    cachedInput: t.field({
      type: 'SafeInt',
      description: 'Of these, cached.',
      resolve: ({ cachedInputTokens }) => cachedInputTokens,
    }),
    output: t.field({ type: 'SafeInt', description: 'Of the answer.', resolve: ({ outputTokens }) => outputTokens }),
    reasoning: t.field({
      type: 'SafeInt',
      description: 'Of these, thought.',
      resolve: ({ reasoningTokens }) => reasoningTokens,
    }),
    total: t.field({ type: 'SafeInt', description: 'All.', resolve: ({ totalTokens }) => totalTokens }),
    isEstimated: t.exposeBoolean('isEstimated', { description: 'Not all of it was told by Google.' }),
  }),
});

const UsageTotalsType = builder.objectRef<UsageTotals>('UsageTotals').implement({
  description: 'Sums over requests.',
  fields: (t) => ({
    requests: t.field({
      type: 'SafeInt',
      description: 'All, also those still running.',
      resolve: ({ requests }) => requests,
    }),
    succeeded: t.field({ type: 'SafeInt', description: 'Answered.', resolve: ({ succeeded }) => succeeded }),
    failed: t.field({ type: 'SafeInt', description: 'Ended by an error.', resolve: ({ failed }) => failed }),
    cancelled: t.field({ type: 'SafeInt', description: 'The caller hung up.', resolve: ({ cancelled }) => cancelled }),
    rejected: t.field({ type: 'SafeInt', description: 'Refused.', resolve: ({ rejected }) => rejected }),
    tokens: t.field({
      type: TokensType,
      description: 'What they used.',
      resolve: (totals) => ({ ...totals, isEstimated: totals.estimatedRequests > 0 }),
    }),
    cost: t.field({ type: 'Decimal', nullable: true, description: 'Null: no price is known.', resolve: () => null }),
  }),
});

const RangePreset = builder.enumType('RangePreset', {
  description: 'A usual range.',
  values: {
    ALL_TIME: { description: 'Everything.' },
    TODAY: { description: 'Since midnight UTC.' },
    LAST_24_HOURS: { description: 'The last 24 hours.' },
    LAST_7_DAYS: { description: 'The last 7 days.' },
  } as const,
});
const TimeRangeInput = builder.inputType('TimeRangeInput', {
  description: 'A range of time, by name or by its ends. Ends are cut to whole hours.',
  fields: (t) => ({
    preset: t.field({ type: RangePreset, description: 'By name.' }),
    from: t.field({ type: 'DateTime', description: 'Its start; default the beginning.' }),
    to: t.field({ type: 'DateTime', description: 'Its end; default now.' }),
  }),
});

interface Report {
  from: number;
  to: number;
  total: UsageTotals;
}
const UsageReport = builder.objectRef<Report>('UsageReport').implement({
  description: 'What was used in a range.',
  fields: (t) => ({
    from: t.field({ type: 'DateTime', description: 'Start of the range.', resolve: ({ from }) => from }),
    to: t.field({ type: 'DateTime', description: 'End of the range.', resolve: ({ to }) => to }),
    total: t.field({ type: UsageTotalsType, description: 'The sums.', resolve: ({ total }) => total }),
  }),
});

const LiveStats = builder.objectRef<LiveFigures>('LiveStats').implement({
  description: 'The last minute.',
  fields: (t) => ({
    inFlight: t.exposeInt('inFlight', { description: 'Requests being answered now.' }),
    requestsPerMinute: t.exposeInt('requestsPerMinute', { description: 'Requests that came.' }),
    tokensPerMinute: t.field({
      type: 'SafeInt',
      description: 'Tokens used.',
      resolve: ({ tokensPerMinute }) => tokensPerMinute,
    }),
    successRate: t.exposeFloat('successRate', {
      nullable: true,
      description: 'Answered ÷ ended, 0 to 1; null without any.',
    }),
    medianTimeToFirstTokenMs: t.field({
      type: 'SafeInt',
      nullable: true,
      description: 'Over the latest answers.',
      resolve: (figures) => figures.medianTimeToFirstTokenMs,
    }),
  }),
});

const dayMs = 86_400_000;
const startOf = {
  ALL_TIME: () => 0,
  TODAY: (now: number) => now - (now % dayMs),
  LAST_24_HOURS: (now: number) => now - dayMs,
  LAST_7_DAYS: (now: number) => now - 7 * dayMs,
};

builder.queryFields((t) => ({
  usage: t.field({
    type: UsageReport,
    description: 'Requests and tokens in a range.',
    args: { range: t.arg({ type: TimeRangeInput, required: true }) },
    resolve: async (_root, { range }, { services }) => {
      const now = Date.now();
      const from = range.preset ? startOf[range.preset](now) : (range.from ?? 0);
      const to = range.preset ? now : (range.to ?? now);
      return { from, to, total: await services.usageTotals(from, to) };
    },
  }),
  liveStats: t.field({
    type: LiveStats,
    description: 'What is going on now.',
    resolve: (_root, _args, { services }) => services.liveFigures(),
  }),
}));
