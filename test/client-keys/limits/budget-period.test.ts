import { describe, expect, test } from 'vitest';
import { periodOf } from '../../../server/clients/limits/budget-period.ts';

const at = (text: string) => Date.parse(text);
const shown = ({ start, end }: { start: number; end: number }) => [start, end].map((ms) => new Date(ms).toISOString());

describe('the period of a budget', () => {
  test('is a day of its zone, also where a clock change makes it 23 or 25 hours long', () => {
    const day = { period: 'DAY', timeZone: 'America/New_York' } as const;
    expect(shown(periodOf(day, at('2026-03-08T12:00:00Z')))).toEqual([
      '2026-03-08T05:00:00.000Z',
      '2026-03-09T04:00:00.000Z',
    ]);
    expect(shown(periodOf(day, at('2026-11-01T12:00:00Z')))).toEqual([
      '2026-11-01T04:00:00.000Z',
      '2026-11-02T05:00:00.000Z',
    ]);
    const half = { period: 'DAY', timeZone: 'Asia/Kathmandu' } as const;
    expect(shown(periodOf(half, at('2026-11-26T18:15:00Z')))[0]).toBe('2026-11-26T18:15:00.000Z');
    expect(shown(periodOf(half, at('2026-11-26T18:14:59Z')))[0]).toBe('2026-11-25T18:15:00.000Z');
  });

  test('is a week from Monday', () => {
    const week = { period: 'WEEK', timeZone: 'Asia/Shanghai' } as const;
    const thatWeek = ['2026-11-22T16:00:00.000Z', '2026-11-29T16:00:00.000Z'];
    expect(shown(periodOf(week, at('2026-11-22T16:00:00Z')))).toEqual(thatWeek);
    expect(shown(periodOf(week, at('2026-11-29T15:59:59Z')))).toEqual(thatWeek);
  });

  test('is a month, over the end of a year and in a leap year', () => {
    const month = { period: 'MONTH', timeZone: 'Europe/Berlin' } as const;
    expect(shown(periodOf(month, at('2026-12-31T23:30:00Z')))).toEqual([
      '2026-12-31T23:00:00.000Z',
      '2027-01-31T23:00:00.000Z',
    ]);
    expect(shown(periodOf(month, at('2028-02-29T12:00:00Z')))).toEqual([
      '2028-01-31T23:00:00.000Z',
      '2028-02-29T23:00:00.000Z',
    ]);
  });

  test('for good never ends', () => {
    expect(periodOf({ period: 'LIFETIME', timeZone: 'UTC' }, 5)).toEqual({ start: 0, end: Number.POSITIVE_INFINITY });
  });
});
