import { createCalendar, hourMs } from './calendar.ts';

interface TimeRange {
  preset?: 'ALL_TIME' | 'TODAY' | 'YESTERDAY' | 'LAST_24_HOURS' | 'LAST_7_DAYS' | 'LAST_30_DAYS' | null;
  /** A length up to now, for example `24h` or `7d`. */
  last?: string | null;
  from?: number | null;
  to?: number | null;
}

/** The ends of a range in ms since 1970; `fromMs` null: from the beginning. @throws RangeError when it says nothing, or too much. */
export function timeRange(range: TimeRange, timeZone: string, nowMs: number): { fromMs: number | null; toMs: number } {
  const { preset, last, from, to } = range;
  const isByEnds = from != null || to != null;
  if ([preset, last, isByEnds].filter(Boolean).length !== 1)
    throw new RangeError('A range is given by preset, by last, or by from and to: by exactly one of them.');
  if (preset) return presets[preset](nowMs, timeZone);
  if (last) return { fromMs: nowMs - lengthMs(last), toMs: nowMs };
  if (from != null && to != null && from >= to) throw new RangeError('The range ends before it begins.');
  return { fromMs: from ?? null, toMs: to ?? nowMs };
}

const dayMs = 24 * hourMs;
const unitMs = { h: hourMs, d: dayMs };
const daysMax = 36_500;

const lastDays = (days: number) => (nowMs: number) => ({ fromMs: nowMs - days * dayMs, toMs: nowMs });
const presets = {
  ALL_TIME: (nowMs: number) => ({ fromMs: null, toMs: nowMs }),
  TODAY: (nowMs: number, timeZone: string) => ({ fromMs: createCalendar(timeZone).startOfDay(nowMs), toMs: nowMs }),
  YESTERDAY(nowMs: number, timeZone: string) {
    const { startOfDay } = createCalendar(timeZone);
    const toMs = startOfDay(nowMs);
    return { fromMs: startOfDay(toMs - 1), toMs };
  },
  LAST_24_HOURS: lastDays(1),
  LAST_7_DAYS: lastDays(7),
  LAST_30_DAYS: lastDays(30),
};

function lengthMs(text: string): number {
  const [, amount, unit] = /^(\d{1,6})([hd])$/.exec(text) ?? [];
  const length = Number(amount) * unitMs[unit as keyof typeof unitMs];
  if (!(length > 0 && length <= daysMax * dayMs))
    throw new RangeError('`last` is a number of hours or days, for example 24h or 7d.');
  return length;
}
