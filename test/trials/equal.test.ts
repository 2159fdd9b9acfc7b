import { expect, onTestFinished, test } from 'vitest';
import { equal } from './equal.ts';

test('live figures equal rebuilt ones to the byte, before and after archiving, and every flipped bit is found', async () => {
  const options = { histories: 5, events: 400, flips: 1000, longEvents: 0, seed: 1, atEnd: onTestFinished };
  expect(await equal(options, () => {})).toEqual({ problem: null, timings: null });
});
