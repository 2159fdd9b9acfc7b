import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { MinuteWindow } from '../../server/ledger/minute-window.ts';
import { classifyFailure } from '../../server/pool/classify-failure.ts';
import { limitsIn } from '../../server/pool/quota.ts';
import { QuotaMeter } from '../../server/pool/quota-meter.ts';
import { createQuotas } from '../../server/pool/quotas.ts';

const start = Date.parse('2026-11-23T20:00:00Z');
const midnight = Date.parse('2026-11-24T08:00:00Z');
const minute = 60_000;
const day = 86_400_000;

describe('the window of a minute', () => {
  test('counts for 60 to 65 seconds', () => {
    const window = new MinuteWindow();
    window.advance(start + 4999);
    window.add(1, 100);
    window.advance(start + 64_999);
    expect([window.requests, window.tokens]).toEqual([1, 100]);
    window.advance(start + 65_000);
    expect([window.requests, window.tokens]).toEqual([0, 0]);
  });

  test('never forgets what is younger than a minute, nor keeps what is older than 65 seconds, and says when it will', () => {
    const steps = fc.array(fc.record({ afterMs: fc.nat(30_000), tokens: fc.nat(1000) }), { maxLength: 60 });
    fc.assert(
      fc.property(steps, fc.nat(20), (made, count) => {
        const window = new MinuteWindow();
        const events: { atMs: number; tokens: number }[] = [];
        let nowMs = start;
        for (const { afterMs, tokens } of made) {
          nowMs += afterMs;
          window.advance(nowMs);
          window.add(1, tokens);
          events.push({ atMs: nowMs, tokens });
          const since = (ms: number) => events.filter(({ atMs }) => atMs > nowMs - ms);
          const sum = (of: typeof events) => of.reduce((total, event) => total + event.tokens, 0);
          expect(window.requests).toBeGreaterThanOrEqual(since(60_000).length);
          expect(window.requests).toBeLessThanOrEqual(since(65_000).length);
          expect(window.tokens).toBeGreaterThanOrEqual(sum(since(60_000)));
          expect(window.tokens).toBeLessThanOrEqual(sum(since(65_000)));
        }
        if (made.length === 0) return;
        const then = window.whenDownTo(count, 'requests');
        window.advance(then);
        expect(window.requests).toBeLessThanOrEqual(count);
      }),
    );
  });

  test('corrects what it counted, as long as it counts it', () => {
    const window = new MinuteWindow();
    window.advance(start);
    const slot = window.add(1, 100);
    window.advance(start + 30_000);
    window.correct(slot, 0, 50);
    expect(window.tokens).toBe(150);
    window.advance(start + 70_000);
    window.correct(slot, -1, -150);
    expect([window.requests, window.tokens]).toEqual([0, 0]);
  });
});

describe('the limits that a refusal tells', () => {
  test('are all of those that it lists', () => {
    const violations = [
      { quotaId: 'GenerateRequestsPerMinutePerProjectPerModel-FreeTier', quotaValue: '5' },
      { quotaId: 'GenerateRequestsPerDayPerProjectPerModel-FreeTier', quotaValue: '20' },
      { quotaId: 'GenerateContentInputTokensPerModelPerMinute-FreeTier', quotaValue: '250000' },
      { quotaId: 'GenerateContentPaidTierInputTokensPerModelPerMinute', quotaValue: '1000000' },
      { quotaId: 'GenerateContentInputTokensPerModelPerDay-FreeTier', quotaValue: '3000000' },
    ];
    expect(limitsIn(violations, '')).toEqual([
      { kind: 'requests-per-minute', limit: 5 },
      { kind: 'requests-per-day', limit: 20 },
      { kind: 'tokens-per-minute', limit: 250_000 },
      { kind: 'tokens-per-minute', limit: 1_000_000 },
      { kind: 'tokens-per-day', limit: 3_000_000 },
    ]);
  });

  test('stand in the text where a violation has no value', () => {
    const quotaMetric = 'generativelanguage.googleapis.com/generate_content_free_tier_requests';
    const violation = { quotaMetric, quotaId: 'GenerateRequestsPerDayPerProjectPerModel-FreeTier' };
    const told = (limit: string) =>
      `* Quota exceeded for metric: ${quotaMetric}, limit: ${limit}, model: gemini-3.8-flash`;
    expect(limitsIn([violation], told('20'))).toEqual([{ kind: 'requests-per-day', limit: 20 }]);
    expect(limitsIn([violation], told('0'))).toEqual([]);
    expect(limitsIn([violation], 'Quota exceeded.')).toEqual([]);
  });

  test.each([
    ['a quota of something else', { quotaId: 'GenerateContentOutputTokensPerMinute', quotaValue: '5' }],
    ['another period', { quotaId: 'RequestsPerHour', quotaValue: '5' }],
    ['no number', { quotaId: 'RequestsPerDay', quotaValue: 'many' }],
    ['a negative number', { quotaId: 'RequestsPerDay', quotaValue: '-5' }],
    ['a number without end', { quotaId: 'RequestsPerDay', quotaValue: '9'.repeat(400) }],
    ['an object', { quotaId: 'RequestsPerDay', quotaValue: {} }],
  ])('are not those of %s', (_name, violation) => {
    expect(limitsIn([violation], '')).toEqual([]);
  });
});

describe('what is left of a quota', () => {
  function open(atMs = start) {
    const meter = new QuotaMeter();
    const at = (ms: number) => {
      meter.advance(ms);
      return meter;
    };
    at(atMs);
    const take = (count: number, ms = atMs, tokens = 10) => {
      at(ms);
      return Array.from({ length: count }, () => meter.take(tokens, ms));
    };
    return { meter, at, take };
  }

  test('is not known before Google tells', () => {
    const { meter, take } = open();
    take(500);
    expect(meter.hold(10, null, start)).toBeNull();
  });

  test('of a minute is back when the oldest calls are a minute old', () => {
    const { meter, at, take } = open();
    meter.learn([{ kind: 'requests-per-minute', limit: 3 }], null, start);
    take(2);
    take(1, start + 30_000);
    expect(meter.hold(10, null, start + 30_000)).toEqual({ untilMs: start + 65_000, reason: 'key_model_minute' });
    expect(at(start + 65_000).hold(10, null, start + 65_000)).toBeNull();
  });

  test('of a day is back at midnight in California', () => {
    const { meter, at, take } = open();
    meter.learn([{ kind: 'requests-per-day', limit: 3 }], null, start);
    take(3);
    expect(at(midnight - 1).hold(10, null, midnight - 1)).toEqual({ untilMs: midnight, reason: 'key_model_day' });
    expect(at(midnight).hold(10, null, midnight)).toBeNull();
  });

  test('of tokens counts what a prompt had in truth, once that is known', () => {
    const { meter, take } = open();
    meter.learn([{ kind: 'tokens-per-minute', limit: 1000 }], null, start);
    const [slot] = take(1, start, 100);
    expect(meter.hold(800, null, start)).toBeNull();
    meter.settle(slot as number, 400, start);
    expect(meter.hold(800, null, start)).toMatchObject({ reason: 'key_model_minute' });
    expect(meter.hold(300, null, start)).toBeNull();
  });

  test('a prompt that alone has more tokens than a minute grants is for Google to refuse', () => {
    const { meter } = open();
    meter.learn([{ kind: 'tokens-per-minute', limit: 1000 }], null, start);
    expect(meter.hold(5000, null, start)).toBeNull();
  });

  test('what Google refused has used nothing', () => {
    const { meter, take } = open();
    meter.learn([{ kind: 'requests-per-minute', limit: 1 }], null, start);
    const [slot] = take(1);
    meter.giveBack(slot as number, 10);
    expect(meter.hold(10, null, start)).toBeNull();
  });

  test('that was known before a restart does not make the calls from before it look like those of others', () => {
    const quotas = createQuotas();
    const key = { id: 'k', project: null, caps: null };
    const limits = [{ kind: 'requests-per-minute' as const, limit: 100 }];
    quotas.recall(key, 'm', { limits, learnedAtMs: start - day }, start);
    const taken = quotas.take(key, 'm', 10, start + 1000);
    const quotaFailure = { quotaId: 'GenerateRequestsPerMinutePerProjectPerModel', quotaValue: '100' };
    const details = [{ '@type': 'type.googleapis.com/google.rpc.QuotaFailure', violations: [quotaFailure] }];
    const text = JSON.stringify({ error: { message: 'Quota. Please retry in 30s.', details } });
    const failure = classifyFailure({ kind: 'error', status: 429, text }, start + 1000);
    quotas.noteFailure(taken, key, 'm', failure, start + 1000);
    for (let count = 0; count < 99; count++) quotas.take(key, 'm', 10, start + 2 * minute);
    expect(quotas.hold(key, 'm', 10, start + 2 * minute)).toBeNull();
    expect(quotas.known(key, start + 2 * minute)).toMatchObject([{ quotas: [{ limit: 100, used: 99 }] }]);
  });

  test("the operator's limit holds beside Google's", () => {
    const { meter, take } = open();
    meter.learn([{ kind: 'requests-per-minute', limit: 100 }], null, start);
    take(5);
    expect(meter.hold(10, { 'requests-per-minute': 5 }, start)).toMatchObject({ reason: 'key_model_minute' });
    expect(meter.hold(10, { 'requests-per-day': 5 }, start)).toMatchObject({ reason: 'key_model_day' });
    expect(meter.hold(10, { 'requests-per-minute': 500 }, start)).toBeNull();
  });

  test('who shares a quota with others keeps to less than what was left at a refusal: for six hours, and longer each time', () => {
    const { meter, take } = open(start - 2 * minute);
    const refuse = (used: number, ms: number) => {
      take(used, ms);
      meter.learn([{ kind: 'requests-per-minute', limit: 100 }], 'requests-per-minute', ms);
    };
    const holds = (count: number, ms: number) => {
      take(count, ms);
      return meter.hold(10, null, ms) !== null;
    };
    refuse(40, start);
    expect(holds(37, start + 2 * minute)).toBe(false);
    expect(holds(1, start + 2 * minute)).toBe(true);
    // Then more is tried, one call at a time.
    const hour = 60 * minute;
    take(60, start + 6 * hour - 90_000);
    expect(holds(38, start + 6 * hour)).toBe(false);
    expect(holds(1, start + 6 * hour)).toBe(true);
    expect(meter.hold(10, null, start + 6 * hour + 1000)).toBeNull();
    refuse(20, start + 7 * hour);
    expect(holds(25, start + 30 * hour)).toBe(true);
    take(25, start + 31 * hour);
    expect(meter.hold(10, null, start + 31 * hour + 1000)).toBeNull();
    // All of it was ours: nobody else uses it.
    refuse(100, start + 40 * hour);
    expect(holds(99, start + 41 * hour)).toBe(false);
  });

  test('who has not counted for a minute yet does not take its own calls for those of others', () => {
    const { meter, take } = open();
    take(1);
    meter.learn([{ kind: 'requests-per-minute', limit: 100 }], 'requests-per-minute', start + 1000);
    take(98, start + 2 * minute);
    expect(meter.hold(10, null, start + 2 * minute)).toBeNull();
  });

  test('is that of all keys of a project, once it is known that they are of one', () => {
    const [one, other] = [open(), open(start - 20_000)];
    one.meter.learn([{ kind: 'requests-per-minute', limit: 5 }], null, start);
    one.take(2);
    other.take(1);
    other.take(2, start);
    one.meter.takeIn(other.meter, start + 1000);
    expect(one.meter.uses(start)).toEqual([{ kind: 'requests-per-minute', limit: 5, used: 5 }]);
    expect(one.meter.hold(10, null, start + 1000)).toMatchObject({ reason: 'key_model_minute' });
    expect(one.at(start + 50_000).uses(start)).toMatchObject([{ used: 4 }]);
  });

  test('is asked for anew after a week', () => {
    const { meter, at, take } = open();
    meter.learn([{ kind: 'requests-per-minute', limit: 1 }], null, start);
    take(3, start + 7 * day);
    expect(at(start + 7 * day).hold(10, null, start + 7 * day)).toBeNull();
  });

  test('is told of the quotas whose limits are known', () => {
    const { meter, take } = open();
    expect(meter.uses(start)).toEqual([]);
    take(2);
    meter.learn([{ kind: 'requests-per-day', limit: 20 }], null, start);
    expect(meter.uses(start)).toEqual([{ kind: 'requests-per-day', limit: 20, used: 2 }]);
  });
});
