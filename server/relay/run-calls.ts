import type { Charge, TokenUsage } from '../ledger/events.ts';
import type { NoKey } from '../pool/choose-key.ts';
import type { Failure } from '../pool/classify-failure.ts';
import type { Pick, RunPlan, RunResult, Wanted } from '../pool/pool.ts';
import type { Exchange } from './exchange.ts';
import type { RelayParts } from './parts.ts';
import type { PendingCall } from './pending-call.ts';
import * as events from './request-events.ts';

/** What became of one upstream call of a request. `keyId` is the last key that was tried. */
export type CallResult = { call: PendingCall; keyId: string } & (
  | { kind: 'answered' }
  | { kind: 'failed'; failure: Failure; others: NoKey | null }
  | { kind: 'aborted' }
);

/** Why one of several calls was not made. What the caller is told comes from the state of the pool. */
const noKeyFree: Failure = {
  class: 'key_model_minute',
  httpStatus: null,
  message: 'No key was free.',
  quotaModel: null,
  limits: [],
  project: null,
  field: null,
  keyAction: { kind: 'none' },
  retry: 'never',
};

/** So many calls of one request are made at the same time: the pool's keys are not for one caller alone. */
const parallelCallsMax = 8;

/** Makes the calls of a request: the only one, or several side by side, each with its own choice of a key and its own events. */
export async function runCalls(
  exchange: Exchange,
  { wanted, first }: { wanted: Wanted; first: Pick },
  facts: events.RequestFacts,
  parts: RelayParts,
): Promise<CallResult[]> {
  const { pool } = parts;
  if (exchange.calls.length === 1) {
    const [call] = exchange.calls as [PendingCall];
    const result = await pool.run(planOf(call, first));
    // Its last attempt is told by the request's terminal event.
    exchange.attemptCount++;
    return [resultOf(call, result)];
  }
  const results: CallResult[] = [];
  const waiting = exchange.calls.entries();
  const work = async () => {
    for (const [index, next] of waiting) {
      if (exchange.needsAll && results.some(({ kind }) => kind === 'failed')) return;
      results[index] = await runAndRecord(next, index);
    }
  };
  await Promise.all(Array.from({ length: parallelCallsMax }, work));
  // Without the holes of calls that were not worth making any more.
  return results.filter(Boolean);

  function planOf(call: PendingCall, picked: Pick): RunPlan<null> {
    return {
      wanted,
      caller: exchange,
      first: picked,
      maySwitch: () => !exchange.isCommitted && !exchange.hasLeft,
      attempt: (key, repair) => call.attempt(key, repair),
      attemptFailed: (key, failure, durationMs) => recordFailure(call, key.id, failure, durationMs),
    };
  }

  /** One of several calls: its end is an event of its own. A call that no key was free for was none. */
  async function runAndRecord(call: PendingCall, index: number): Promise<CallResult> {
    const startedAt = performance.now();
    const picked = index === 0 ? first : await pool.pick(wanted, exchange);
    const keyId = first.key.id;
    if (picked === null) return { kind: 'aborted', call, keyId };
    if (!('taken' in picked)) return { kind: 'failed', call, keyId, failure: noKeyFree, others: picked };
    const result = resultOf(call, await pool.run(planOf(call, picked)));
    const durationMs = Math.round(performance.now() - startedAt);
    if (result.kind === 'failed') await recordFailure(call, result.keyId, result.failure, durationMs);
    if (result.kind === 'answered') await recordSuccess(call, result.keyId, durationMs);
    return result;
  }

  function recordFailure(
    call: PendingCall,
    upstreamKeyId: string,
    failure: Failure,
    durationMs: number,
  ): Promise<void> {
    const { class: name, httpStatus } = failure;
    const attempt = ++exchange.attemptCount;
    const event = { attempt, upstreamKeyId, failure: name, httpStatus, durationMs };
    const { usage, ...spent } = spentBy(call);
    const more = usage.totalTokens > 0 ? { usage, ...spent } : {};
    return parts.ledger.append(events.attemptFailed(facts, { ...event, ...more }, parts.now()));
  }

  function recordSuccess(call: PendingCall, upstreamKeyId: string, durationMs: number): Promise<void> {
    const event = { attempt: ++exchange.attemptCount, upstreamKeyId, durationMs, ...spentBy(call) };
    return parts.ledger.append(events.attemptSucceeded(facts, event, parts.now()));
  }

  /** What a call has used that does not end the request; the request's budgets count it. */
  function spentBy(call: PendingCall): { usage: TokenUsage; charge?: Charge } {
    const usage = call.tally.usage();
    const charge = exchange.chargeOf(call, usage);
    exchange.addSpent(usage, charge);
    return { usage, ...(charge && { charge }) };
  }
}

function resultOf(call: PendingCall, result: RunResult<null>): CallResult {
  const keyId = result.key.id;
  if (result.kind === 'failed') return { kind: 'failed', call, keyId, failure: result.failure, others: result.others };
  return { kind: result.kind, call, keyId };
}
