import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { createCalendar } from '../../server/ledger/calendar.ts';

const at = (text: string) => Date.parse(text);
const iso = (instant: number) => new Date(instant).toISOString();

describe('days', () => {
  test.each([
    ['UTC', '2026-03-08T17:00:00Z', '2026-03-08T00:00:00.000Z', '2026-03-09T00:00:00.000Z'],
    ['Asia/Shanghai', '2026-03-08T17:00:00Z', '2026-03-08T16:00:00.000Z', '2026-03-09T16:00:00.000Z'],
    ['Asia/Kolkata', '2026-03-08T17:00:00Z', '2026-03-07T18:30:00.000Z', '2026-03-08T18:30:00.000Z'],
    // 23 hours: the clock goes from 2 to 3.
    ['America/Los_Angeles', '2026-03-08T20:00:00Z', '2026-03-08T08:00:00.000Z', '2026-03-09T07:00:00.000Z'],
    // 25 hours: the clock goes from 2 back to 1.
    ['America/Los_Angeles', '2026-11-01T20:00:00Z', '2026-11-01T07:00:00.000Z', '2026-11-02T08:00:00.000Z'],
    // There is no midnight: the clock goes from 24 to 1.
    ['Africa/Cairo', '2024-04-26T10:00:00Z', '2024-04-25T22:00:00.000Z', '2024-04-26T21:00:00.000Z'],
    // There are two midnights: the clock goes from 1 back to 0.
    ['America/Havana', '2024-11-03T18:00:00Z', '2024-11-03T04:00:00.000Z', '2024-11-04T05:00:00.000Z'],
  ])('in %s the day of %s starts at %s and ends at %s', (timeZone, instant, start, end) => {
    const calendar = createCalendar(timeZone);
    expect(iso(calendar.startOfDay(at(instant)))).toBe(start);
    expect(iso(calendar.startOfNextDay(at(instant)))).toBe(end);
  });

  test('every instant lies in its day, and every instant of a day has the same start', () => {
    const zones = [
      'UTC',
      'America/St_Johns',
      'Europe/Berlin',
      'Australia/Lord_Howe',
      'Pacific/Apia',
      'America/Santiago',
    ];
    const calendars = zones.map(createCalendar);
    const instants = fc.integer({ min: at('2000-01-01T00:00:00Z'), max: at('2035-01-01T00:00:00Z') });
    fc.assert(
      fc.property(instants, fc.constantFrom(...calendars), (instant, calendar) => {
        const start = calendar.startOfDay(instant);
        const end = calendar.startOfNextDay(instant);
        expect(start).toBeLessThanOrEqual(instant);
        expect(end).toBeGreaterThan(instant);
        expect(calendar.startOfDay(start)).toBe(start);
        expect(calendar.startOfDay(end - 1)).toBe(start);
        expect(calendar.startOfDay(end)).toBe(end);
      }),
      { numRuns: 300 },
    );
  });

  test('an unknown time zone is refused', () => {
    expect(() => createCalendar('Mars/Olympus')).toThrow(RangeError);
  });
});
