import { expect, test } from 'vitest';
import { createLoginThrottle } from '../../server/admin/login-throttle.ts';

function throttleAt(start = 1_700_000_000_000) {
  let now = start;
  const throttle = createLoginThrottle(() => now);
  const advanceSeconds = (seconds: number) => {
    now += seconds * 1000;
  };
  return { ...throttle, advanceSeconds };
}

test('five wrong tries are free, then each costs twice the wait of the one before, up to 900 s', () => {
  const throttle = throttleAt();
  const waits: number[] = [];
  for (let count = 0; count < 17; count++) {
    throttle.failed('admin', '192.0.2.1');
    const wait = throttle.waitSeconds('admin', '192.0.2.1');
    waits.push(wait);
    throttle.advanceSeconds(wait);
  }
  expect(waits).toEqual([0, 0, 0, 0, 0, 1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 900, 900]);
});

test('a right try forgets the wrong ones', () => {
  const throttle = throttleAt();
  for (let count = 0; count < 6; count++) throttle.failed('admin', '192.0.2.1');
  throttle.succeeded('admin', '192.0.2.1');
  throttle.failed('admin', '192.0.2.1');
  expect(throttle.waitSeconds('admin', '192.0.2.1')).toBe(0);
});

test.each([
  ['192.0.2.1', '192.0.2.200', true],
  ['192.0.2.1', '192.0.3.1', false],
  ['2001:db8:1:200::1', '2001:db8:1:2ff:1:2:3:4', true],
  ['2001:db8:1:200::1', '2001:db8:1:300::1', false],
  ['2001:db8::1', '2001:db8::2', true],
  ['2001:db8::1', '2001:db8:0:0:5:6:7:8', true],
  ['::1', '::2', true],
  ['::1', '2001::1', false],
])('a wait at %s holds at %s: %s', (address, other, isSame) => {
  const throttle = throttleAt();
  for (let count = 0; count < 6; count++) throttle.failed('Admin', address);
  expect(throttle.waitSeconds('admin', other) > 0).toBe(isSame);
  expect(throttle.waitSeconds('somebody', address)).toBe(0);
});

test('memory stays bounded, whoever tries', () => {
  const throttle = throttleAt();
  for (let count = 0; count < 6; count++) throttle.failed('admin', '192.0.2.1');
  for (let count = 0; count < 10_000; count++) throttle.failed(`user-${count}`, '192.0.2.1');
  expect(throttle.waitSeconds('admin', '192.0.2.1')).toBe(0);
});
