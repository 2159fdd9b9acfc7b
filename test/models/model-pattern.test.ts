import { expect, test } from 'vitest';
import { matchesPattern, strongestFirst } from '../../server/models/model-pattern.ts';

test.each([
  ['gemini-3.8-flash', 'gemini-3.8-flash', true],
  ['gemini-3.8-flash', 'Gemini-3.8-Flash', true],
  ['gemini-3.8-flash', 'gemini-3x8-flash', false],
  ['gemini-3.8-flash', 'gemini-3.8-flash-lite', false],
  ['claude-*', 'claude-', true],
  ['claude-*', 'claude', false],
  ['*', '', true],
  ['*-latest', 'gemini-flash-latest', true],
  ['*-latest', 'gemini-flash-latest-2', false],
  ['gemini-*-flash', 'gemini-3.8-flash', true],
  ['gemini-*-flash', 'gemini-flash', false],
  ['a*b*a', 'aba', true],
  ['a*b*a', 'ab', false],
  ['ab*ba', 'aba', false],
  ['openai/*:free', 'openai/gpt-4o:free', true],
])('the pattern %s and the name %s: %s', (pattern, name, isMatch) => {
  expect(matchesPattern(pattern, name)).toBe(isMatch);
});

test('a pattern of many wildcards is decided at once', () => {
  const pattern = `${'*a'.repeat(60)}b`;
  const startedAt = performance.now();
  expect(matchesPattern(pattern, 'a'.repeat(128))).toBe(false);
  expect(performance.now() - startedAt).toBeLessThan(100);
});

test('an exact pattern comes before one with a wildcard, and a longer one before a shorter', () => {
  expect(strongestFirst(['*', 'gemini-3.8-flash-*', 'gpt-4o', 'gemini-*'])).toEqual([
    'gpt-4o',
    'gemini-3.8-flash-*',
    'gemini-*',
    '*',
  ]);
});
