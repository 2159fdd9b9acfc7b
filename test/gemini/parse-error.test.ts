import { describe, expect, test } from 'vitest';
import { parseError, redactKeys, statusOf } from '../../server/gemini/parse-error.ts';

describe("Google's error", () => {
  test('is read from an object and from a list', () => {
    const error = { code: 404, message: 'gone', status: 'NOT_FOUND' };
    expect(parseError(JSON.stringify({ error }))).toEqual({ ...error, details: [] });
    expect(parseError(JSON.stringify([{ error }]))).toEqual({ ...error, details: [] });
  });

  test.each(['<html>502</html>', '', 'null', '[]', '{}', '{"error":"text"}', '[null]'])(
    'is not found in %s',
    (text) => {
      expect(parseError(text)).toBeNull();
    },
  );

  test('loses what has a wrong type', () => {
    const text = '{"error":{"code":"429","message":{},"status":5,"details":[null,"x",{"reason":"R"}]}}';
    expect(parseError(text)).toEqual({ details: [{ reason: 'R' }] });
    expect(parseError('{"error":{"details":{}}}')).toEqual({ details: [] });
  });

  test.each([
    [{ code: 429 }, 429],
    [{ status: 'RESOURCE_EXHAUSTED' }, 429],
    [{ status: 'DEADLINE_EXCEEDED' }, 504],
    [{ code: 200, status: 'UNAVAILABLE' }, 503],
    [{}, 500],
  ])('%j stands for HTTP %i', (error, status) => {
    expect(statusOf(error)).toBe(status);
  });
});

test('keys are taken out of texts: those of known shape, and the one that was used', () => {
  const key = `AIza${'x'.repeat(35)}`;
  expect(redactKeys(`Consumer 'api_key:${key}' has been suspended.`)).toBe(
    "Consumer 'api_key:[key]' has been suspended.",
  );
  expect(redactKeys(`AQ.${'y'.repeat(30)} and my-own-shape`, 'my-own-shape')).toBe('[key] and [key]');
  expect(redactKeys('a plain text', 'a')).toBe('a plain text');
});
