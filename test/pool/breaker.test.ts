import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { Breaker } from '../../server/pool/breaker.ts';

const limits = { failuresMin: 3, firstMs: 1000, longestMs: 5000 };

function openAt(nowMs: number): Breaker {
  const breaker = new Breaker(limits);
  for (let count = 0; count < limits.failuresMin; count++) breaker.fail(nowMs);
  return breaker;
}

describe('a breaker', () => {
  test('opens after failures in a row, and not before', () => {
    const breaker = new Breaker(limits);
    breaker.fail(0);
    breaker.fail(1);
    breaker.succeed();
    breaker.fail(2);
    breaker.fail(3);
    expect(breaker.heldUntil(3)).toBeNull();
    breaker.fail(4);
    expect(breaker.heldUntil(4)).toBe(1004);
  });

  test('takes failures that lie far apart for no row', () => {
    const breaker = new Breaker(limits);
    for (const nowMs of [0, 70_000, 140_000, 210_000]) breaker.fail(nowMs);
    expect(breaker.heldUntil(210_000)).toBeNull();
  });

  test('lets one call probe when its time is over, and is closed by a success', () => {
    const breaker = openAt(0);
    expect(breaker.heldUntil(1000)).toBeNull();
    breaker.begin(1000);
    expect(breaker.heldUntil(1001)).toBeGreaterThan(1001);
    breaker.succeed();
    expect(breaker.heldUntil(1002)).toBeNull();
  });

  test('is open twice as long each time that the probe fails, up to a bound', () => {
    const breaker = openAt(0);
    const lengths: number[] = [];
    for (let nowMs = 1000, round = 0; round < 4; round++) {
      breaker.begin(nowMs);
      breaker.fail(nowMs);
      const untilMs = breaker.heldUntil(nowMs) ?? 0;
      lengths.push(untilMs - nowMs);
      nowMs = untilMs;
    }
    expect(lengths).toEqual([2000, 4000, 5000, 5000]);
  });

  test('is not held open by calls that were out when it opened', () => {
    const breaker = openAt(0);
    for (let count = 0; count < 10; count++) breaker.fail(10);
    expect(breaker.heldUntil(999)).toBe(1000);
  });

  test('lets another one probe when nothing is heard of the first', () => {
    const given = openAt(0);
    given.begin(1000);
    given.giveUp();
    expect(given.heldUntil(1001)).toBeNull();
    const lost = openAt(0);
    lost.begin(1000);
    expect(lost.heldUntil(31_000)).toBeNull();
  });

  test('always lets a call through some time later', () => {
    const step = fc.record({ kind: fc.constantFrom('begin', 'succeed', 'fail', 'giveUp'), afterMs: fc.nat(5000) });
    fc.assert(
      fc.property(fc.array(step, { maxLength: 50 }), (steps) => {
        const breaker = new Breaker(limits);
        let nowMs = 0;
        for (const { kind, afterMs } of steps) {
          nowMs += afterMs;
          breaker[kind as 'begin'](nowMs);
          const heldUntilMs = breaker.heldUntil(nowMs);
          if (heldUntilMs !== null) expect(heldUntilMs).toBeGreaterThan(nowMs);
        }
        expect(breaker.heldUntil(nowMs + 30_000)).toBeNull();
      }),
    );
  });
});
