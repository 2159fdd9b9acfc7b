import { expect, onTestFinished, test } from 'vitest';
import { race } from './race.ts';

test('500 requests at once against a budget for 50 admit exactly 50, in every scope, the first use included', async () => {
  const admitted: number[] = [];
  const { problem } = await race({ rounds: 20, atEnd: onTestFinished }, (round) => admitted.push(round.admitted));
  expect(problem).toBeNull();
  expect(admitted).toEqual(new Array(20).fill(50));
});
