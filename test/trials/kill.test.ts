import { expect, test } from 'vitest';
import { killTrial } from './kill.ts';

// Sixty of them are a trial of their own, which CI runs beside the tests.
test('kills lose nothing that was acknowledged, count nothing twice, and leave nothing open', async () => {
  const { problems } = await killTrial({ seed: 1, cycles: 6, isTimed: false, tell: () => {} });
  expect(problems).toEqual([]);
}, 240_000);

test('a start that leaves open what a crash cut is found out', async () => {
  const { problems } = await killTrial({
    seed: 1,
    cycles: 3,
    isTimed: false,
    bug: 'orphans stay open',
    tell: () => {},
  });
  expect(problems.join()).toContain('still in progress');
}, 60_000);
