import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { settings } from '../server/config.ts';

test('.env.example has every setting with its default and its meaning, and nothing else', () => {
  const expected = Object.entries(settings).flatMap(([name, { meaning, defaultText }]) => [
    `# ${meaning}`,
    `#${name}=${defaultText}`,
  ]);
  const lines = readFileSync('.env.example', 'utf8').split('\n');
  expect(lines.filter((line) => line !== '').slice(1)).toEqual(expected);
});
