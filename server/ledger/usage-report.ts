import type { Connection } from '../database.ts';
import { createCalendar, dayMs, hourMs, minuteMs } from './calendar.ts';
import { type LatencySketch, mergeSketch, percentileMs, readSketch } from './latency-sketch.ts';

export type UsageDimension = 'clientKeyId' | 'upstreamKeyId' | 'model' | 'format' | 'outcome';
export type UsageInterval = 'MINUTE' | 'HOUR' | 'DAY';

export interface UsageQuery {
  /** First instant, ms since 1970; null for the beginning of the ledger. Cut down to its full hour, or minute for that interval. */
  fromMs: number | null;
  /** End of the range, not part of it. */
  toMs: number;
  filter?: { [Dimension in UsageDimension]?: string | null } | null;
  groupBy?: UsageDimension | null;
  /** Null for no series. */
  interval?: UsageInterval | null;
  /** IANA name; decides where days begin. */
  timeZone: string;
}

/** How many requests and tokens there were. `requests` holds those still in progress too. */
export interface UsageTotals {
  requests: number;
  succeeded: number;
  failed: number;
  cancelled: number;
  rejected: number;
  inputTokens: number;
  cachedInputTokens: number;
  outputTokens: number;
  reasoningTokens: number;
  totalTokens: number;
  /** Of what has a price. */
  costPico: bigint;
  /** Requests and calls with tokens for which no price was known. */
  unpricedRequests: number;
  /** Requests whose tokens Google did not tell to the end. */
  estimatedRequests: number;
  /** When the newest request began; null for none. */
  lastUsedAt: number | null;
  clientSignatures: number;
  restoredSignatures: number;
  placeholderSignatures: number;
}

export interface UsageReport {
  total: UsageTotals;
  /** One point per interval from the first request in the range to its end, quiet ones included. The newest 10,000 of them. */
  series: { startMs: number; totals: UsageTotals }[];
  /** By what was asked for, most requests first. `id` is '' for requests without an upstream key. */
  groups: { id: string; totals: UsageTotals }[];
  /** Up to which event this is exact. */
  asOfPosition: number;
}

/** How long requests took, to 6 %; null without any. */
export interface LatencyPercentiles {
  durationMs: { p50: number; p95: number; p99: number } | null;
  timeToFirstTokenMs: { p50: number; p95: number; p99: number } | null;
}

/** 10,000 hours are more than a year. */
const pointsMax = 10_000;

const columnOf: Record<UsageDimension, string> = {
  clientKeyId: 'client_key_id',
  upstreamKeyId: 'upstream_key_id',
  model: 'model',
  format: 'format',
  outcome: 'outcome',
};

/** Whole dollars and the rest in picodollars: a number holds each of them exactly, however many rows are added up. */
type SummedRow = Omit<UsageTotals, 'costPico'> & {
  start: number | null;
  id: string | null;
  dollars: number;
  picos: number;
};

const picosPerDollar = 1_000_000_000_000;

/** Adds up usage over a range, as of one position. @throws RangeError for a time zone that does not exist. */
export function readUsage(connection: Connection, query: UsageQuery): UsageReport {
  const interval = query.interval ?? null;
  const steps = interval && stepsOf(interval, query.timeZone);
  const columns = { start: interval ? 'start' : 'null', id: query.groupBy ? columnOf[query.groupBy] : 'null' };
  // One look at the rows for all three: what is added up by interval and group is added up again for each.
  const read = connection.transaction(() => ({
    asOfPosition: readAsOf(connection),
    rows: sumsOf(connection, query, rangesOf(interval, query.timeZone)(query), columns),
  }));
  const { asOfPosition, rows } = read();
  const totals = rows.map((row) => ({ ...row, totals: toTotals(row) }));
  return {
    total: totals.reduce((sum, { totals: some }) => plus(sum, some), noTotals),
    series: steps
      ? seriesOf(
          sumBy(totals, ({ start }) => steps.startOf(start ?? 0)),
          steps,
          query,
        )
      : [],
    groups: query.groupBy ? groupsOf(sumBy(totals, ({ id }) => id ?? '')) : [],
    asOfPosition,
  };
}

interface SummedPart {
  start: number | null;
  id: string | null;
  totals: UsageTotals;
}

function sumBy<Key>(parts: readonly SummedPart[], keyOf: (part: SummedPart) => Key): Map<Key, UsageTotals> {
  const sums = new Map<Key, UsageTotals>();
  for (const part of parts) sums.set(keyOf(part), plus(sums.get(keyOf(part)) ?? noTotals, part.totals));
  return sums;
}

function groupsOf(sums: ReadonlyMap<string, UsageTotals>): UsageReport['groups'] {
  return [...sums]
    .map(([id, totals]) => ({ id, totals }))
    .sort((a, b) => b.totals.requests - a.totals.requests || (a.id < b.id ? -1 : 1));
}

/** How long the requests of a range took. */
export function readLatency(connection: Connection, query: UsageQuery): LatencyPercentiles {
  const { conditions, parameters } = conditionOf(query);
  const durations: LatencySketch = new Map();
  const firstTokens: LatencySketch = new Map();
  for (const { width, from, to } of mixedRanges(query)) {
    const rows = connection
      .prepare<unknown[], { durations: string; firstTokens: string }>(
        `select durations, first_tokens as firstTokens from usage_bucket
         where width_ms = ? and start >= ? and start < ? and durations <> '' ${conditions}`,
      )
      .iterate(width, from, to, ...parameters);
    for (const row of rows) {
      mergeSketch(durations, readSketch(row.durations));
      mergeSketch(firstTokens, readSketch(row.firstTokens));
    }
  }
  return { durationMs: percentilesOf(durations), timeToFirstTokenMs: percentilesOf(firstTokens) };
}

function percentilesOf(sketch: LatencySketch) {
  const [p50, p95, p99] = [0.5, 0.95, 0.99].map((share) => percentileMs(sketch, share));
  return p50 == null || p95 == null || p99 == null ? null : { p50, p95, p99 };
}

/** All-time totals of each of these keys; a key that was never used has zeros. */
export function usageTotalsBy(
  connection: Connection,
  dimension: UsageDimension,
  ids: readonly string[],
  nowMs: number,
): Map<string, UsageTotals> {
  const column = columnOf[dimension];
  const everything = { fromMs: null, toMs: nowMs + dayMs, timeZone: 'UTC' };
  const listed = { sql: `and ${column} in (select value from json_each(?))`, parameters: [JSON.stringify(ids)] };
  const rows = sumsOf(connection, everything, mixedRanges(everything), { start: 'null', id: column }, listed);
  const found = new Map(rows.map((row) => [row.id, toTotals(row)]));
  return new Map(ids.map((id) => [id, found.get(id) ?? noTotals]));
}

/** A stretch of time, to be added up from the buckets of one width. */
interface BucketRange {
  width: number;
  from: number;
  to: number;
}

function rangesBy(width: number): (query: UsageQuery) => BucketRange[] {
  return ({ fromMs, toMs }) => [{ width, from: fromMs === null ? 0 : fromMs - (fromMs % width), to: toMs }];
}

/** Whole days (UTC) by day, what is before and after them by hour. */
function mixedRanges({ fromMs, toMs }: UsageQuery): BucketRange[] {
  const from = fromMs === null ? 0 : fromMs - (fromMs % hourMs);
  const firstDay = Math.ceil(from / dayMs) * dayMs;
  const lastDay = Math.floor(toMs / dayMs) * dayMs;
  if (firstDay >= lastDay) return [{ width: hourMs, from, to: toMs }];
  return [
    { width: hourMs, from, to: firstDay },
    { width: dayMs, from: firstDay, to: lastDay },
    { width: hourMs, from: lastDay, to: toMs },
  ].filter((range) => range.from < range.to);
}

/** The buckets that the points of a series can be put together from, as wide as can be. */
function rangesOf(interval: UsageInterval | null, timeZone: string): (query: UsageQuery) => BucketRange[] {
  if (interval === 'MINUTE') return rangesBy(minuteMs);
  return interval === null || (interval === 'DAY' && timeZone === 'UTC') ? mixedRanges : rangesBy(hourMs);
}

/** Usage added up by start and another column: buckets, and the requests that were open at the position that the buckets have come to. */
function sumsOf(
  connection: Connection,
  query: UsageQuery,
  ranges: readonly BucketRange[],
  columns: { start: string; id: string },
  more: { sql: string; parameters: string[] } = { sql: '', parameters: [] },
): SummedRow[] {
  const { conditions, parameters } = conditionOf(query);
  const filter = [...parameters, ...more.parameters];
  const buckets = ranges.map(
    () =>
      `select ${bucketColumns} from usage_bucket where width_ms = ? and start >= ? and start < ? ${conditions} ${more.sql}`,
  );
  const width = ranges[0]?.width ?? hourMs;
  const open = (which: string) =>
    `select * from (select ${openColumns(width)} from request where accepted_position <= (${asOf}) and ${which})
     where start >= ? and start < ? ${conditions} ${more.sql}`;
  const rows = [...buckets, open(`outcome = 'IN_PROGRESS'`), open(endedSince)].join(' union all ');
  const bucketValues = ranges.flatMap(({ width: each, from, to }) => [each, from, to, ...filter]);
  const ends = [ranges[0]?.from ?? 0, ranges.at(-1)?.to ?? 0];
  return connection
    .prepare<unknown[], SummedRow>(
      `select ${columns.start} as start, ${columns.id} as id, ${sums} from (${rows}) group by 1, 2 order by 1, 2`,
    )
    .all(...bucketValues, ...ends, ...filter, ...ends, ...filter);
}

const asOf = `select coalesce(min(position), 0) from projection_checkpoint where name = 'usage_bucket'`;
/** Requests that ended after that position: told by the few events since. */
const endedSince = `ended_position > (${asOf})
  and request_id in (select request_id from usage_event where position > (${asOf}))`;

function readAsOf(connection: Connection): number {
  return connection.prepare<[], number>(asOf).pluck().get() as number;
}

const bucketColumns = `start, client_key_id, upstream_key_id, model, format, outcome, requests, input_tokens,
  cached_input_tokens, output_tokens, reasoning_tokens, total_tokens, cost_pico, unpriced_requests, estimated_requests,
  last_used_at, client_signatures, restored_signatures, placeholder_signatures`;

const openColumns = (width: number) => `started_at - started_at % ${width} as start, client_key_id,
  coalesce(upstream_key_id, '') as upstream_key_id, requested_model as model, format, 'IN_PROGRESS' as outcome,
  1 as requests, 0 as input_tokens, 0 as cached_input_tokens, 0 as output_tokens, 0 as reasoning_tokens,
  0 as total_tokens, 0 as cost_pico, 0 as unpriced_requests, 0 as estimated_requests, started_at as last_used_at,
  client_signatures, restored_signatures, placeholder_signatures`;

const sums = `
  coalesce(sum(requests), 0) as requests,
  coalesce(sum(requests) filter (where outcome = 'SUCCEEDED'), 0) as succeeded,
  coalesce(sum(requests) filter (where outcome = 'FAILED'), 0) as failed,
  coalesce(sum(requests) filter (where outcome = 'CANCELLED'), 0) as cancelled,
  coalesce(sum(requests) filter (where outcome = 'REJECTED'), 0) as rejected,
  coalesce(sum(input_tokens), 0) as inputTokens, coalesce(sum(cached_input_tokens), 0) as cachedInputTokens,
  coalesce(sum(output_tokens), 0) as outputTokens, coalesce(sum(reasoning_tokens), 0) as reasoningTokens,
  coalesce(sum(total_tokens), 0) as totalTokens,
  coalesce(sum(cost_pico / ${picosPerDollar}) + sum(cost_pico % ${picosPerDollar}) / ${picosPerDollar}, 0) as dollars,
  coalesce(sum(cost_pico % ${picosPerDollar}) % ${picosPerDollar}, 0) as picos,
  coalesce(sum(unpriced_requests), 0) as unpricedRequests, coalesce(sum(estimated_requests), 0) as estimatedRequests,
  max(last_used_at) as lastUsedAt, coalesce(sum(client_signatures), 0) as clientSignatures,
  coalesce(sum(restored_signatures), 0) as restoredSignatures,
  coalesce(sum(placeholder_signatures), 0) as placeholderSignatures`;

function toTotals({ dollars, picos, start: _start, id: _id, ...row }: SummedRow): UsageTotals {
  return { ...row, costPico: BigInt(dollars) * BigInt(picosPerDollar) + BigInt(picos) };
}

function conditionOf({ filter }: UsageQuery): { conditions: string; parameters: string[] } {
  const wanted = Object.entries(columnOf).flatMap(([name, column]) => {
    const value = filter?.[name as UsageDimension];
    return value === undefined || value === null ? [] : [{ column, value }];
  });
  return {
    conditions: wanted.map(({ column }) => `and ${column} = ?`).join(' '),
    parameters: wanted.map(({ value }) => value),
  };
}

function seriesOf(
  sums: ReadonlyMap<number, UsageTotals>,
  steps: Steps,
  { fromMs, toMs }: UsageQuery,
): UsageReport['series'] {
  const firstMs = fromMs ?? Math.min(...sums.keys());
  if (!Number.isFinite(firstMs)) return [];
  const oldestMs = toMs - pointsMax * steps.lengthMs;
  const series: UsageReport['series'] = [];
  for (let startMs = steps.startOf(Math.max(firstMs, oldestMs)); startMs < toMs; startMs = steps.next(startMs)) {
    series.push({ startMs, totals: sums.get(startMs) ?? noTotals });
  }
  return series;
}

interface Steps {
  startOf(at: number): number;
  next(startMs: number): number;
  /** About. */
  lengthMs: number;
}

function stepsOf(interval: UsageInterval, timeZone: string): Steps {
  const calendar = createCalendar(timeZone);
  if (interval === 'DAY') return { startOf: calendar.startOfDay, next: calendar.startOfNextDay, lengthMs: dayMs };
  const lengthMs = interval === 'HOUR' ? hourMs : minuteMs;
  return { startOf: (at) => at - (at % lengthMs), next: (startMs) => startMs + lengthMs, lengthMs };
}

const noTotals: UsageTotals = {
  requests: 0,
  succeeded: 0,
  failed: 0,
  cancelled: 0,
  rejected: 0,
  inputTokens: 0,
  cachedInputTokens: 0,
  outputTokens: 0,
  reasoningTokens: 0,
  totalTokens: 0,
  costPico: 0n,
  unpricedRequests: 0,
  estimatedRequests: 0,
  lastUsedAt: null,
  clientSignatures: 0,
  restoredSignatures: 0,
  placeholderSignatures: 0,
};

const summed = Object.keys(noTotals).filter(
  (name): name is Exclude<keyof UsageTotals, 'costPico' | 'lastUsedAt'> => name !== 'costPico' && name !== 'lastUsedAt',
);

function plus(a: UsageTotals, b: UsageTotals): UsageTotals {
  const total = {
    ...a,
    costPico: a.costPico + b.costPico,
    lastUsedAt: Math.max(a.lastUsedAt ?? 0, b.lastUsedAt ?? 0) || null,
  };
  for (const name of summed) total[name] += b[name];
  return total;
}
