import type { Connection } from '../../database.ts';
import { dayMs } from '../calendar.ts';
import type { DaySealed } from '../events.ts';

/** A day as it is to be sealed. */
export type UnsignedSeal = Omit<DaySealed, 'type' | 'signature'>;

/** Signs a text with a key that is not in the database. */
export type Sign = (text: string) => string;

/** What the signature of a day covers: its fields in this order, one per line. */
export function sealText(seal: UnsignedSeal): string {
  const { day, fromPosition, toPosition, headHash, requests, totalTokens, costPico } = seal;
  return [day, fromPosition, toPosition, headHash, requests, totalTokens, costPico].join('\n');
}

/** The days (UTC) that are over, hold events and are not sealed yet, oldest first. */
export function daysToSeal(connection: Connection, nowMs: number): UnsignedSeal[] {
  const last = connection
    .prepare<[], { day: string; toPosition: number }>(
      'select day, to_position as toPosition from ledger_seal order by day desc limit 1',
    )
    .get();
  const seals: UnsignedSeal[] = [];
  let fromPosition = (last?.toPosition ?? 0) + 1;
  for (;;) {
    const first = recordedAt(connection, fromPosition);
    if (first === undefined) return seals;
    const start = first - (first % dayMs);
    if (start + dayMs > nowMs) return seals;
    const toPosition = lastBefore(connection, start + dayMs, fromPosition);
    seals.push({ day: dayName(start), fromPosition, toPosition, ...contentOf(connection, start, toPosition) });
    fromPosition = toPosition + 1;
  }
}

function dayName(start: number): string {
  return new Date(start).toISOString().slice(0, 10);
}

function recordedAt(connection: Connection, position: number): number | undefined {
  return connection
    .prepare<[number], number>('select recorded_at from usage_event where position = ?')
    .pluck()
    .get(position);
}

/** Positions are in the order of the times at which they were recorded, so the last one before an instant is found by halving. */
function lastBefore(connection: Connection, instant: number, from: number): number {
  let low = from;
  let high = connection.prepare<[], number>('select position from ledger_head').pluck().get() as number;
  while (low < high) {
    const middle = Math.ceil((low + high) / 2);
    if ((recordedAt(connection, middle) as number) < instant) low = middle;
    else high = middle - 1;
  }
  return low;
}

function contentOf(connection: Connection, start: number, toPosition: number) {
  const headHash = connection
    .prepare<[number], string>('select lower(hex(hash)) from usage_event where position = ?')
    .pluck()
    .get(toPosition) as string;
  const sums = connection
    .prepare<[number, number], { requests: bigint; totalTokens: bigint; costPico: bigint }>(
      `select coalesce(sum(requests), 0) as requests, coalesce(sum(total_tokens), 0) as totalTokens,
         coalesce(sum(cost_pico), 0) as costPico
       from usage_bucket where width_ms = ? and start = ?`,
    )
    .safeIntegers()
    .get(dayMs, start) as { requests: bigint; totalTokens: bigint; costPico: bigint };
  return {
    headHash,
    requests: Number(sums.requests),
    totalTokens: Number(sums.totalTokens),
    costPico: String(sums.costPico),
  };
}
