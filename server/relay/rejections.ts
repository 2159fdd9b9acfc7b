import { ApiError } from '../formats/api-error.ts';
import type { RelayParts } from './parts.ts';
import { createRejectionLimit } from './rejection-limit.ts';
import * as events from './request-events.ts';

/** Takes down that a known caller's request was refused before anything went upstream. */
export type RecordRejection = (facts: events.RequestFacts, error: unknown) => Promise<void>;

/** A refusal can be found by its request id; beyond the cap it is only counted. */
export function createRejections({
  ledger,
  counters,
  now,
}: Pick<RelayParts, 'ledger' | 'counters' | 'now'>): RecordRejection {
  const mayRecord = createRejectionLimit();
  return async function recordRejection(facts, error) {
    counters.rejected();
    if (!(error instanceof ApiError) || !mayRecord(facts.clientKeyId, now())) return;
    const { status: httpStatus, code, message } = error;
    await ledger.append(events.rejected(facts, { httpStatus, code, message }, now()));
  };
}
