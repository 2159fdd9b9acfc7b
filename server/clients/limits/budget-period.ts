import { createCalendar, type Span } from '../../ledger/calendar.ts';
import type { Budget } from './terms.ts';

/** Never ends; a budget for good is cut at no time. */
const always: Span = { start: 0, end: Number.POSITIVE_INFINITY };

/** The period of a budget that holds an instant (ms since 1970). Computed from the instant alone: nothing has to be reset. */
export function periodOf({ period, timeZone }: Pick<Budget, 'period' | 'timeZone'>, at: number): Span {
  if (period === 'LIFETIME') return always;
  const calendar = createCalendar(timeZone);
  if (period === 'WEEK') return calendar.week(at);
  if (period === 'MONTH') return calendar.month(at);
  return { start: calendar.startOfDay(at), end: calendar.startOfNextDay(at) };
}
