import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { startUsageJournal } from '../../server/relay/usage-journal.ts';

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

const usage = (totalTokens: number) => ({
  inputTokens: totalTokens,
  cachedInputTokens: 0,
  outputTokens: 0,
  reasoningTokens: 0,
  totalTokens,
});

test('what open requests have used is written every five seconds, when it has changed', () => {
  const written: unknown[] = [];
  let seen = [{ requestId: 'req_1', usage: usage(1) }];
  const execute = async (_name: string, input: unknown) => void written.push(input);
  const stop = startUsageJournal(execute as never, () => seen);
  vi.advanceTimersByTime(4999);
  expect(written).toEqual([]);
  vi.advanceTimersByTime(5001);
  expect(written).toEqual([{ seen }]);
  const first = seen;
  seen = [];
  vi.advanceTimersByTime(5000);
  expect(written).toEqual([{ seen: first }, { seen: [] }]);
  stop();
  seen = first;
  vi.advanceTimersByTime(60_000);
  expect(written).toHaveLength(2);
});
