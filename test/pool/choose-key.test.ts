import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { type Candidate, type Circumstances, chooseKey, noKey } from '../../server/pool/choose-key.ts';
import type { FailureClass } from '../../server/pool/classify-failure.ts';
import { createQuotas } from '../../server/pool/quotas.ts';

const now = 1_000_000;
const none = new Set<string>();
const key = (id: string, more: Partial<Candidate> = {}): Candidate => ({
  id,
  project: null,
  caps: null,
  isEnabled: true,
  rejection: null,
  rest: null,
  rests: new Map(),
  inFlight: 0,
  lonelyFailures: 0,
  connectionsMax: null,
  weight: 1,
  place: 0,
  lastPick: 0,
  ...more,
});
const resting = (model: string, untilMs: number, reason: FailureClass = 'key_model_minute') => ({
  rests: new Map([[model, { untilMs, reason }]]),
});
const circumstances = (more: Partial<Circumstances> = {}): Circumstances => ({
  quotas: createQuotas(),
  strategy: 'least-used',
  nowMs: now,
  ...more,
});
const wish = { model: 'm' };
/** The id of the chosen key. */
const choose = (keys: Candidate[], tried = none, more: Partial<Circumstances> = {}) =>
  chooseKey(keys, wish, { tried }, circumstances(more))?.key.id ?? null;

describe('the choice of a key', () => {
  test('takes the one that was used longest ago', () => {
    const keys = [key('a', { lastPick: 3 }), key('b', { lastPick: 1 }), key('c', { lastPick: 2 })];
    expect(choose(keys)).toBe('b');
    expect(choose(keys, new Set(['b']))).toBe('c');
  });

  test.each<[string, Partial<Candidate>]>([
    ['is switched off', { isEnabled: false }],
    ['Google rejects for good', { rejection: { untilMs: null } }],
    ['Google rejects for now', { rejection: { untilMs: now + 1 } }],
    ['rests for the model', resting('m', now + 1)],
    ['rests for all models', { rest: { untilMs: now + 1, reason: 'key_billing' } }],
    ['has as many calls as it may', { inFlight: 2, connectionsMax: 2 }],
  ])('passes over a key that %s', (_name, more) => {
    expect(choose([key('a', more), key('b', { lastPick: 9 })])).toBe('b');
  });

  test.each<[string, Partial<Candidate>]>([
    ['whose rejection is over', { rejection: { untilMs: now } }],
    ['whose rest is over', resting('m', now)],
    ['that rests for another model', resting('other', now + 1)],
  ])('takes a key %s', (_name, more) => {
    expect(choose([key('a', more)])).toBe('a');
  });

  test('tells what the usable keys rest from and when the first is back', () => {
    const keys = [
      key('a', resting('m', now + 500, 'key_model_day')),
      key('b', { ...resting('m', now + 50), rest: { untilMs: now + 90, reason: 'key_billing' } }),
      key('c', { isEnabled: false }),
    ];
    expect(chooseKey(keys, wish, { tried: none }, circumstances())).toBeNull();
    expect(noKey(keys, wish, circumstances())).toEqual({
      earliestMs: now + 90,
      reasons: ['key_model_day', 'key_billing'],
    });
    expect(noKey([key('c', { isEnabled: false })], wish, circumstances())).toEqual({ earliestMs: null, reasons: [] });
    // One that is busy may be free at any moment.
    const busy = key('d', { inFlight: 1, connectionsMax: 1 });
    expect(noKey([busy], wish, circumstances())).toEqual({ earliestMs: now, reasons: ['key_model_minute'] });
  });

  test('never fails to find a free key, and never finds one that is not free', () => {
    const candidate = fc.record({
      isEnabled: fc.boolean(),
      rejection: fc.option(fc.record({ untilMs: fc.constantFrom(null, now - 1, now + 1) })),
      rest: fc.option(
        fc.record({ untilMs: fc.constantFrom(now - 1, now + 1), reason: fc.constant('key_billing' as const) }),
      ),
      lastPick: fc.nat(5),
      isTried: fc.boolean(),
    });
    fc.assert(
      fc.property(fc.array(candidate, { maxLength: 6 }), (made) => {
        const keys = made.map(({ isTried: _tried, ...more }, index) => key(String(index), more));
        const tried = new Set(keys.filter((_key, index) => made[index]?.isTried).map(({ id }) => id));
        const isPast = (untilMs: number | null) => untilMs !== null && untilMs <= now;
        const free = keys.filter(
          ({ id, isEnabled, rejection, rest }) =>
            isEnabled && !tried.has(id) && (!rejection || isPast(rejection.untilMs)) && (!rest || isPast(rest.untilMs)),
        );
        const oldest = Math.min(...free.map(({ lastPick }) => lastPick));
        const expected = free.find(({ lastPick }) => lastPick === oldest)?.id ?? null;
        expect(choose(keys, tried)).toBe(expected);
      }),
    );
  });

  test('tells of each key that it passed over why', () => {
    const told: unknown[] = [];
    const keys = [
      key('a', { isEnabled: false }),
      key('b', { rejection: { untilMs: null } }),
      key('c', resting('m', now + 7, 'key_model_day')),
      key('d', { inFlight: 1, connectionsMax: 1 }),
      key('e'),
      key('f', { caps: () => ({ 'requests-per-minute': 1 }) }),
    ];
    const quotas = createQuotas();
    quotas.take(keys[5] as Candidate, 'm', 10, now);
    const choice = chooseKey(keys, wish, { tried: none }, circumstances({ quotas }), ({ id }, { reason }) =>
      told.push([id, reason]),
    );
    expect(choice?.key.id).toBe('e');
    expect(told).toEqual([
      ['a', 'disabled'],
      ['b', 'rejected'],
      ['c', 'key_model_day'],
      ['d', 'busy'],
      ['f', 'key_model_minute'],
    ]);
  });

  test('takes the key that served the conversation before as long as that is free', () => {
    const [a, b] = [key('a'), key('b', { lastPick: 9 })];
    const prefer = (preferred: Candidate, tried = none) =>
      chooseKey([a, b], wish, { tried, preferred }, circumstances());
    expect(prefer(b)).toEqual({ key: b, by: 'preference' });
    expect(prefer(b, new Set(['b']))).toEqual({ key: a, by: 'least-used' });
    expect(prefer({ ...b, isEnabled: false })).toEqual({ key: a, by: 'least-used' });
  });

  test('takes the key of whose scarcest quota the smallest part is used', () => {
    const [small, large] = [key('small'), key('large', { lastPick: 9 })];
    const quotas = createQuotas();
    const grant = (user: Candidate, limit: number) =>
      quotas.recall(user, 'm', { limits: [{ kind: 'requests-per-day', limit }], requests: 10, tokens: 0 }, now);
    grant(small, 100);
    grant(large, 1000);
    expect(choose([small, large], none, { quotas })).toBe('large');
  });

  test('by weight gives each key its part of the day; fill-first keeps to the first that is free, sticky to the last', () => {
    const keys = [key('a', { place: 1, lastPick: 2 }), key('b', { place: 2, lastPick: 5, weight: 3 })];
    const quotas = createQuotas();
    for (const user of keys) quotas.recall(user, 'm', { requests: 10 }, now);
    expect(choose(keys, none, { quotas, strategy: 'weighted' })).toBe('b');
    expect(choose(keys, none, { quotas, strategy: 'fill-first' })).toBe('a');
    expect(choose(keys, none, { quotas, strategy: 'sticky' })).toBe('b');
    expect(choose(keys, new Set(['b']), { quotas, strategy: 'sticky' })).toBe('a');
  });
});
