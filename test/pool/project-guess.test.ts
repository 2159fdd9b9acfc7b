import { describe, expect, test } from 'vitest';
import { createProjectGuess, type RunOut } from '../../server/pool/project-guess.ts';

const hour = 3_600_000;

function runOut(keyId: string, atMs: number, more: Partial<RunOut> = {}): RunOut {
  const quota = 'requests-per-day 100';
  return { keyId, model: 'm', quota, atMs, untilMs: atMs + 10 * hour, lastServedMs: atMs - 60_000, ...more };
}

function guessFrom(...runOuts: RunOut[]): string[][] {
  const guess = createProjectGuess();
  for (const each of runOuts) guess.noteRunOut(each);
  return guess.groups();
}

describe('keys seem to be of one project', () => {
  const once = [runOut('b', 0), runOut('a', 1000), runOut('c', 2000)];
  const again = [runOut('a', 24 * hour), runOut('c', 24 * hour + 1000), runOut('b', 24 * hour + 2000)];

  test('when they ran out together twice', () => {
    expect(guessFrom(...once)).toEqual([]);
    expect(guessFrom(...once, ...again)).toEqual([['a', 'b', 'c']]);
  });

  test('not when one still served after the other was refused', () => {
    const served = again.map((each) => (each.keyId === 'b' ? { ...each, lastServedMs: each.atMs - 500 } : each));
    expect(guessFrom(...once, ...served)).toEqual([['a', 'c']]);
  });

  test('although Google let one through now and then', () => {
    const days = Array.from({ length: 6 }, (_, day) => [
      runOut('a', 24 * hour * day),
      runOut('b', 24 * hour * day + 1000, day === 3 ? { lastServedMs: 24 * hour * day + 900 } : {}),
    ]);
    expect(guessFrom(...days.flat())).toEqual([['a', 'b']]);
  });

  test('not when their limits differ, or the quota of one is back before the other is refused', () => {
    const other = { quota: 'requests-per-day 500' };
    expect(
      guessFrom(runOut('a', 0), runOut('b', 1000, other), runOut('a', 24 * hour), runOut('b', 24 * hour, other)),
    ).toEqual([]);
    const short = { untilMs: 500 };
    const later = { untilMs: 24 * hour + 500 };
    expect(
      guessFrom(runOut('a', 0, short), runOut('b', 1000), runOut('a', 24 * hour, later), runOut('b', 24 * hour + 1000)),
    ).toEqual([]);
  });

  test('not when several refusals of one occasion are all there is', () => {
    expect(guessFrom(runOut('a', 0), runOut('b', 1000), runOut('a', 20_000), runOut('b', 21_000))).toEqual([]);
  });

  test('not through others alone', () => {
    const pair = (one: string, other: string, day: number, more: Partial<RunOut> = {}) => [
      runOut(one, 24 * hour * day),
      runOut(other, 24 * hour * day + 1000, more),
    ];
    const days = [pair('a', 'b', 1), pair('a', 'b', 2), pair('b', 'c', 3), pair('b', 'c', 4)];
    expect(guessFrom(...days.flat())).toEqual([['a', 'b', 'c']]);
    const apart = pair('a', 'c', 5, { lastServedMs: 24 * hour * 5 + 900 });
    expect(guessFrom(...days.flat(), ...apart)).toEqual([]);
  });

  test('no longer when the key is gone', () => {
    const guess = createProjectGuess();
    for (const each of [...once, ...again]) guess.noteRunOut(each);
    guess.forget('b');
    expect(guess.groups()).toEqual([['a', 'c']]);
  });
});
