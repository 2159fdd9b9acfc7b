export const minuteMs = 60_000;
export const hourMs = 60 * minuteMs;
export const dayMs = 24 * hourMs;

/** Knows the days of a time zone. Instants are ms since 1970. */
export interface Calendar {
  /** The first instant of the local day that holds an instant; also where a clock change skips or repeats midnight. */
  startOfDay(at: number): number;
  startOfNextDay(at: number): number;
  /** The local week from Monday, or the local month, that holds an instant: its first instant, and that of the next. */
  week(at: number): Span;
  month(at: number): Span;
}

export interface Span {
  start: number;
  end: number;
}

/** @param timeZone An IANA name. @throws RangeError for one that does not exist. */
export function createCalendar(timeZone: string): Calendar {
  const offsetMs = createOffset(timeZone);
  const localDay = (at: number) => Math.floor((at + offsetMs(at)) / dayMs);

  /** @param day Counted since 1970. */
  function startOf(day: number): number {
    // Midnight is told by the offset of the day before or of the day after, and these differ around a clock change.
    const midnights = [-dayMs, dayMs].map((step) => day * dayMs - offsetMs(day * dayMs + step));
    const [earlier = 0, later = 0] = midnights.toSorted((a, b) => a - b);
    return localDay(earlier) === day ? earlier : later;
  }

  const startOfDay = (at: number) => startOf(localDay(at));

  return {
    startOfDay,
    // No day is longer than 25 hours or shorter than 23, so 36 hours on is always the next day.
    startOfNextDay: (at) => startOfDay(startOfDay(at) + 1.5 * dayMs),
    week(at) {
      const day = localDay(at);
      // The first of January 1970 was a Thursday.
      const monday = day - ((day + 3) % 7);
      return { start: startOf(monday), end: startOf(monday + 7) };
    },
    month(at) {
      const date = new Date(localDay(at) * dayMs);
      const firstOf = (month: number) => startOf(Date.UTC(date.getUTCFullYear(), month, 1) / dayMs);
      return { start: firstOf(date.getUTCMonth()), end: firstOf(date.getUTCMonth() + 1) };
    },
  };
}

/** Local time minus UTC at an instant, in ms. */
function createOffset(timeZone: string): (at: number) => number {
  const format = new Intl.DateTimeFormat('en-US', { timeZone, timeZoneName: 'longOffset' });
  return (at) => {
    const name = format.formatToParts(at).find(({ type }) => type === 'timeZoneName')?.value ?? '';
    const [, sign, hours = 0, minutes = 0] = /GMT([+-])(\d\d):(\d\d)/.exec(name) ?? [];
    const offset = Number(hours) * hourMs + Number(minutes) * 60_000;
    return sign === '-' ? -offset : offset;
  };
}
