import type { Connection } from '../database.ts';
import { createCalendar, hourMs } from './calendar.ts';
import { type UsageTotals, usageRows, usageSums } from './projections/usage-buckets.ts';

export type UsageDimension = 'clientKeyId' | 'upstreamKeyId' | 'model';
export type UsageInterval = 'HOUR' | 'DAY';

export interface UsageQuery {
  /** First instant, ms since 1970; null for the beginning of the ledger. Cut down to its full hour: usage is kept by hour. */
  fromMs: number | null;
  /** End of the range, not part of it. */
  toMs: number;
  filter?: { clientKeyId?: string | null; upstreamKeyId?: string | null; model?: string | null } | null;
  groupBy?: UsageDimension | null;
  /** Null for no series. */
  interval?: UsageInterval | null;
  /** IANA name; decides where days begin. */
  timeZone: string;
}

export interface UsageReport {
  total: UsageTotals;
  /** One point per interval from the first request in the range to its end, quiet ones included. The newest 10,000 of them. */
  series: { startMs: number; totals: UsageTotals }[];
  /** By what was asked for, most requests first. `id` is '' for requests without an upstream key. */
  groups: { id: string; totals: UsageTotals }[];
  /** The ledger's head when this was read. */
  asOfPosition: number;
}

/** 10,000 hours are more than a year. */
const pointsMax = 10_000;

const columnOf = { clientKeyId: 'client_key_id', upstreamKeyId: 'upstream_key_id', model: 'model' } as const;

type Sum<Key> = UsageTotals & { key: Key };

/** Adds up usage over a range, as of one position. @throws RangeError for a time zone that does not exist. */
export function readUsage(connection: Connection, query: UsageQuery): UsageReport {
  const { where, parameters } = conditionOf(query);
  const sumBy = <Key>(column: string) =>
    connection
      .prepare<unknown[], Sum<Key>>(
        `select ${column} as key, ${usageSums} from ${usageRows} where ${where} group by ${column} order by ${column}`,
      )
      .all(...parameters);
  const read = connection.transaction(() => ({
    hours: sumBy<number>('hour'),
    groups: query.groupBy ? sumBy<string>(columnOf[query.groupBy]) : [],
    asOfPosition: connection.prepare<[], number>('select position from ledger_head').pluck().get() as number,
  }));
  const { hours, groups, asOfPosition } = read();
  return {
    total: hours.reduce((total, { key: _, ...hour }) => plus(total, hour), noTotals),
    series: query.interval ? seriesOf(hours, query.interval, query) : [],
    groups: groups
      .map(({ key: id, ...totals }) => ({ id, totals }))
      .sort((a, b) => b.totals.requests - a.totals.requests || (a.id < b.id ? -1 : 1)),
    asOfPosition,
  };
}

/** All-time totals of each of these keys; a key that was never used has zeros. */
export function usageTotalsBy(
  connection: Connection,
  dimension: UsageDimension,
  ids: readonly string[],
): Map<string, UsageTotals> {
  const column = columnOf[dimension];
  const rows = connection
    .prepare<[string], Sum<string>>(
      `select ${column} as key, ${usageSums} from ${usageRows} where ${column} in (select value from json_each(?)) group by ${column}`,
    )
    .all(JSON.stringify(ids));
  const found = new Map(rows.map(({ key, ...totals }) => [key, totals]));
  return new Map(ids.map((id) => [id, found.get(id) ?? noTotals]));
}

function conditionOf({ fromMs, toMs, filter }: UsageQuery): { where: string; parameters: (string | number)[] } {
  const conditions = ['hour >= ?', 'hour < ?'];
  const parameters: (string | number)[] = [fromMs === null ? 0 : fromMs - (fromMs % hourMs), toMs];
  for (const [name, column] of Object.entries(columnOf)) {
    const value = filter?.[name as UsageDimension];
    if (value === undefined || value === null) continue;
    conditions.push(`${column} = ?`);
    parameters.push(value);
  }
  return { where: conditions.join(' and '), parameters };
}

function seriesOf(hours: Sum<number>[], interval: UsageInterval, { fromMs, toMs, timeZone }: UsageQuery) {
  const steps = stepsOf(interval, timeZone);
  const byStart = new Map<number, UsageTotals>();
  for (const { key: hour, ...totals } of hours) {
    const startMs = steps.startOf(hour);
    byStart.set(startMs, plus(byStart.get(startMs) ?? noTotals, totals));
  }
  const oldestMs = toMs - pointsMax * (interval === 'HOUR' ? hourMs : 24 * hourMs);
  const firstMs = fromMs ?? hours[0]?.key;
  if (firstMs === undefined) return [];
  const series: UsageReport['series'] = [];
  for (let startMs = steps.startOf(Math.max(firstMs, oldestMs)); startMs < toMs; startMs = steps.next(startMs)) {
    series.push({ startMs, totals: byStart.get(startMs) ?? noTotals });
  }
  return series;
}

function stepsOf(interval: UsageInterval, timeZone: string) {
  if (interval === 'HOUR') {
    return { startOf: (at: number) => at - (at % hourMs), next: (startMs: number) => startMs + hourMs };
  }
  const calendar = createCalendar(timeZone);
  return { startOf: calendar.startOfDay, next: calendar.startOfNextDay };
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
  estimatedRequests: 0,
  lastUsedAt: null,
  clientSignatures: 0,
  restoredSignatures: 0,
  placeholderSignatures: 0,
};

function plus(a: UsageTotals, b: UsageTotals): UsageTotals {
  return {
    requests: a.requests + b.requests,
    succeeded: a.succeeded + b.succeeded,
    failed: a.failed + b.failed,
    cancelled: a.cancelled + b.cancelled,
    rejected: a.rejected + b.rejected,
    inputTokens: a.inputTokens + b.inputTokens,
    cachedInputTokens: a.cachedInputTokens + b.cachedInputTokens,
    outputTokens: a.outputTokens + b.outputTokens,
    reasoningTokens: a.reasoningTokens + b.reasoningTokens,
    totalTokens: a.totalTokens + b.totalTokens,
    estimatedRequests: a.estimatedRequests + b.estimatedRequests,
    lastUsedAt: Math.max(a.lastUsedAt ?? 0, b.lastUsedAt ?? 0) || null,
    clientSignatures: a.clientSignatures + b.clientSignatures,
    restoredSignatures: a.restoredSignatures + b.restoredSignatures,
    placeholderSignatures: a.placeholderSignatures + b.placeholderSignatures,
  };
}
