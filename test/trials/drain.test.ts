import { expect, test } from 'vitest';
import { drainTrial } from './drain.ts';

test('a stop under load loses nothing, whether all ends, some never ends, or a second signal comes', async () => {
  const { problems } = await drainTrial({ seed: 1, cycles: 3, isTimed: false, tell: () => {} });
  expect(problems).toEqual([]);
}, 60_000);
