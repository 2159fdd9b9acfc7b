import { expect, test } from 'vitest';
import { createRejectionLimit } from '../../server/relay/rejection-limit.ts';

test('60 refusals of a client key are recorded in a minute, whatever others do', () => {
  const mayRecord = createRejectionLimit();
  const recorded = (clientKeyId: string, nowMs: number) =>
    Array.from({ length: 70 }, () => mayRecord(clientKeyId, nowMs)).filter(Boolean).length;
  expect([recorded('a', 0), recorded('b', 59_999), recorded('a', 59_999)]).toEqual([60, 60, 0]);
  expect([recorded('a', 60_000), recorded('b', 60_000)]).toEqual([60, 60]);
});
