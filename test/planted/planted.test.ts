import { expect, test } from 'vitest';
import { fits, plantedNames } from './planted.ts';

test('the mistakes that are planted to prove the tests still fit the program', () => {
  const names = plantedNames();
  expect(names.length).toBeGreaterThanOrEqual(10);
  expect(names.filter((name) => !fits(name))).toEqual([]);
});
