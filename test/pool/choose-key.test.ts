import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { type Candidate, chooseKey } from '../../server/pool/choose-key.ts';
import type { FailureClass } from '../../server/pool/classify-failure.ts';

const now = 1_000_000;
const none = new Set<string>();
const key = (id: string, more: Partial<Candidate> = {}): Candidate => ({
  id,
  isEnabled: true,
  rejection: null,
  rest: null,
  rests: new Map(),
  lastPick: 0,
  ...more,
});
const resting = (model: string, untilMs: number, reason: FailureClass = 'key_model_minute') => ({
  rests: new Map([[model, { untilMs, reason }]]),
});
const idOf = (choice: ReturnType<typeof chooseKey>) => ('key' in choice ? choice.key.id : null);

describe('the choice of a key', () => {
  test('takes the one that was used longest ago', () => {
    const keys = [key('a', { lastPick: 3 }), key('b', { lastPick: 1 }), key('c', { lastPick: 2 })];
    expect(idOf(chooseKey(keys, 'm', now, none))).toBe('b');
    expect(idOf(chooseKey(keys, 'm', now, new Set(['b'])))).toBe('c');
  });

  test.each<[string, Partial<Candidate>]>([
    ['is switched off', { isEnabled: false }],
    ['Google rejects for good', { rejection: { untilMs: null } }],
    ['Google rejects for now', { rejection: { untilMs: now + 1 } }],
    ['rests for the model', resting('m', now + 1)],
    ['rests for all models', { rest: { untilMs: now + 1, reason: 'key_billing' } }],
  ])('passes over a key that %s', (_name, more) => {
    expect(idOf(chooseKey([key('a', more), key('b', { lastPick: 9 })], 'm', now, none))).toBe('b');
  });

  test.each<[string, Partial<Candidate>]>([
    ['whose rejection is over', { rejection: { untilMs: now } }],
    ['whose rest is over', resting('m', now)],
    ['that rests for another model', resting('other', now + 1)],
  ])('takes a key %s', (_name, more) => {
    expect(idOf(chooseKey([key('a', more)], 'm', now, none))).toBe('a');
  });

  test('tells what the usable keys rest from and when the first is back', () => {
    const keys = [
      key('a', resting('m', now + 500, 'key_model_day')),
      key('b', { ...resting('m', now + 50), rest: { untilMs: now + 90, reason: 'key_billing' } }),
      key('c', { isEnabled: false }),
    ];
    expect(chooseKey(keys, 'm', now, none)).toEqual({
      earliestMs: now + 90,
      reasons: ['key_model_day', 'key_billing'],
    });
    expect(chooseKey([key('c', { isEnabled: false })], 'm', now, none)).toEqual({ earliestMs: null, reasons: [] });
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
        expect(idOf(chooseKey(keys, 'm', now, tried))).toBe(expected);
      }),
    );
  });
});
