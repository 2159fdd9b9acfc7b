import { GraphQLError } from 'graphql';
import { builder } from './builder.ts';
import { ClientKeyType } from './client-key.ts';
import type { LatencyPercentiles, RangedReport, UsageDimension, UsageReport } from './context.ts';
import { UpstreamKeyType } from './upstream-key.ts';
import { UsageTotalsType } from './usage-totals.ts';

const RangePreset = builder.enumType('RangePreset', {
  description: 'A usual range. Days are those of the given time zone.',
  values: {
    ALL_TIME: { description: 'Everything.' },
    TODAY: { description: 'Since midnight.' },
    YESTERDAY: { description: 'The day before today.' },
    LAST_24_HOURS: { description: 'The last 24 hours.' },
    LAST_7_DAYS: { description: 'The last 7 days.' },
    LAST_30_DAYS: { description: 'The last 30 days.' },
  } as const,
});
const UsageInterval = builder.enumType('UsageInterval', {
  description: 'How long a point of a series is.',
  values: {
    MINUTE: { description: 'A minute; kept for two days.' },
    HOUR: { description: 'An hour.' },
    DAY: { description: 'A day of the time zone.' },
  } as const,
});
const dimensions = {
  CLIENT_KEY: 'clientKeyId',
  UPSTREAM_KEY: 'upstreamKeyId',
  MODEL: 'model',
  FORMAT: 'format',
  OUTCOME: 'outcome',
} as const;
const Dimension = builder.enumType('UsageDimension', {
  description: 'What usage is split by.',
  values: {
    CLIENT_KEY: { description: 'Who called.' },
    UPSTREAM_KEY: { description: 'The key that answered last.' },
    MODEL: { description: 'The model, as the caller named it.' },
    FORMAT: { description: "The caller's wire format." },
    OUTCOME: { description: 'How it ended. Tokens of calls that did not end their request have none.' },
  } as const,
});
const TimeRangeInput = builder.inputType('TimeRangeInput', {
  description: 'A range of time: by name, by its length up to now, or by its ends. Its start is cut to a full hour.',
  fields: (t) => ({
    preset: t.field({ type: RangePreset, description: 'By name.' }),
    last: t.string({ description: 'Hours or days up to now, for example `24h` or `7d`.' }),
    from: t.field({ type: 'DateTime', description: 'Its start; default the beginning.' }),
    to: t.field({ type: 'DateTime', description: 'Its end; default now.' }),
  }),
});
const UsageFilterInput = builder.inputType('UsageFilterInput', {
  description: 'Narrows what is added up.',
  fields: (t) => ({
    clientKeyId: t.id({ description: 'Of this caller only.' }),
    upstreamKeyId: t.id({ description: 'Answered by this key only.' }),
    model: t.string({ description: 'Of this model only, as the caller named it.' }),
    format: t.string({ description: 'In this wire format only, for example `openai-chat`.' }),
  }),
});

const UsagePoint = builder.objectRef<UsageReport['series'][number]>('UsagePoint').implement({
  description: 'One interval.',
  fields: (t) => ({
    start: t.field({ type: 'DateTime', description: 'Its start.', resolve: ({ startMs }) => startMs }),
    totals: t.field({ type: UsageTotalsType, description: 'The sums.', resolve: ({ totals }) => totals }),
  }),
});

interface Group {
  id: string;
  dimension: UsageDimension;
  totals: UsageReport['total'];
}
const UsageGroup = builder.objectRef<Group>('UsageGroup').implement({
  description: 'The part of one key or one model.',
  fields: (t) => ({
    clientKey: t.field({
      type: ClientKeyType,
      nullable: true,
      description: 'If split by who called.',
      resolve: ({ id, dimension }, _args, { services }) =>
        dimension === 'clientKeyId' ? services.clientKey(id) : null,
    }),
    upstreamKey: t.field({
      type: UpstreamKeyType,
      nullable: true,
      description: 'If split by upstream key; null for requests that reached none.',
      resolve: ({ id, dimension }, _args, { services }) =>
        dimension === 'upstreamKeyId' ? services.upstreamKey(id) : null,
    }),
    model: t.string({
      nullable: true,
      description: 'If split by model.',
      resolve: ({ id, dimension }) => (dimension === 'model' ? id : null),
    }),
    name: t.string({
      nullable: true,
      description: 'If split by format or outcome.',
      resolve: ({ id, dimension }) => (dimension === 'format' || dimension === 'outcome' ? id : null),
    }),
    totals: t.field({ type: UsageTotalsType, description: 'The sums.', resolve: ({ totals }) => totals }),
  }),
});

type Percentiles = NonNullable<LatencyPercentiles['durationMs']>;
const PercentilesType = builder.objectRef<Percentiles>('LatencyPercentiles').implement({
  description: 'Milliseconds, to 6 %.',
  fields: (t) => ({
    p50: t.field({ type: 'SafeInt', description: 'Half took no longer.', resolve: ({ p50 }) => p50 }),
    p95: t.field({ type: 'SafeInt', description: '95 % took no longer.', resolve: ({ p95 }) => p95 }),
    p99: t.field({ type: 'SafeInt', description: '99 % took no longer.', resolve: ({ p99 }) => p99 }),
  }),
});
const LatencyType = builder.objectRef<LatencyPercentiles>('UsageLatency').implement({
  description: 'How long requests took.',
  fields: (t) => ({
    durationMs: t.field({
      type: PercentilesType,
      nullable: true,
      description: 'From the request to the end of its answer; null without any.',
      resolve: ({ durationMs }) => durationMs,
    }),
    timeToFirstTokenMs: t.field({
      type: PercentilesType,
      nullable: true,
      description: 'Until the first content; null without any.',
      resolve: ({ timeToFirstTokenMs }) => timeToFirstTokenMs,
    }),
  }),
});

interface Report extends Omit<RangedReport, 'groups'> {
  timeZone: string;
  groups: Group[];
}
const UsageReportType = builder.objectRef<Report>('UsageReport').implement({
  description: 'What was used in a range.',
  fields: (t) => ({
    from: t.field({
      type: 'DateTime',
      nullable: true,
      description: 'Start of the range; null for the beginning.',
      resolve: ({ fromMs }) => fromMs,
    }),
    to: t.field({ type: 'DateTime', description: 'End of the range.', resolve: ({ toMs }) => toMs }),
    timeZone: t.exposeString('timeZone', { description: 'Where its days begin.' }),
    total: t.field({ type: UsageTotalsType, description: 'The sums.', resolve: ({ total }) => total }),
    series: t.field({
      type: [UsagePoint],
      description: 'By interval, quiet ones included; the newest 10,000.',
      resolve: ({ series }) => series,
    }),
    groups: t.field({
      type: [UsageGroup],
      description: 'By `groupBy`, most requests first.',
      resolve: ({ groups }) => groups,
    }),
    latency: t.field({
      type: LatencyType,
      description: 'How long the requests took that ended.',
      resolve: (report, _args, { services }) => services.latency(report as RangedReport),
    }),
    asOfPosition: t.field({
      type: 'SafeInt',
      description: 'How far the ledger had come when this was read.',
      resolve: ({ asOfPosition }) => asOfPosition,
    }),
  }),
});

builder.queryFields((t) => ({
  usage: t.field({
    type: UsageReportType,
    description: 'Requests and tokens in a range.',
    args: {
      range: t.arg({ type: TimeRangeInput, required: true }),
      filter: t.arg({ type: UsageFilterInput }),
      groupBy: t.arg({ type: Dimension }),
      interval: t.arg({ type: UsageInterval, defaultValue: 'HOUR' }),
      timeZone: t.arg.string({ defaultValue: 'UTC' }),
    },
    resolve: async (_root, { range, filter, groupBy, interval, timeZone }, { services }) => {
      const dimension = groupBy ? dimensions[groupBy] : null;
      const zone = timeZone ?? 'UTC';
      try {
        const report = await services.usage(range, {
          filter: filter ?? null,
          groupBy: dimension,
          interval: interval ?? null,
          timeZone: zone,
        });
        const groups = dimension ? report.groups.map((group) => ({ ...group, dimension })) : [];
        return { ...report, groups, timeZone: zone };
      } catch (error) {
        if (!(error instanceof RangeError)) throw error;
        throw new GraphQLError(error.message, { extensions: { code: 'BAD_USER_INPUT' } });
      }
    },
  }),
}));
