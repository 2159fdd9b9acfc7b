import type { TokenUsage } from '../ledger/events.ts';
import type { NoKey } from '../pool/choose-key.ts';
import type { Failure } from '../pool/classify-failure.ts';
import type { Pick, Wanted } from '../pool/pool.ts';
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
  const [call, ...others] = exchange.calls as [PendingCall, ...PendingCall[]];
  if (others.length === 0) return [await runCall(call, first)];
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

  async function runCall(call: PendingCall, picked: Pick): Promise<CallResult> {
    const result = await parts.pool.run({
      wanted,
      caller: exchange,
      first: picked,
      maySwitch: () => !exchange.isCommitted,
      attempt: (chosen, repair) => call.attempt(chosen, repair),
      attemptFailed: (chosen, failure, durationMs) => recordFailure(chosen.id, failure, durationMs),
    });
    const keyId = result.key.id;
    // The last attempt of a single call is told by the request's terminal event.
    if (others.length === 0) exchange.attemptCount++;
    if (result.kind === 'failed')
      return { kind: 'failed', call, keyId, failure: result.failure, others: result.others };
    return { kind: result.kind, call, keyId };
  }

  /** One of several calls: its end is an event of its own. A call that no key was free for was none. */
  async function runAndRecord(call: PendingCall, index: number): Promise<CallResult> {
    const startedAt = performance.now();
    const picked = index === 0 ? first : await parts.pool.pick(wanted, exchange);
    const keyId = first.key.id;
    if (picked === null) return { kind: 'aborted', call, keyId };
    if (!('taken' in picked)) return { kind: 'failed', call, keyId, failure: noKeyFree, others: picked };
    const result = await runCall(call, picked);
    const durationMs = Math.round(performance.now() - startedAt);
    if (result.kind === 'failed') await recordFailure(result.keyId, result.failure, durationMs);
    if (result.kind === 'answered') await recordSuccess(result.keyId, call.tally.usage(), durationMs);
    return result;
  }

  function recordFailure(upstreamKeyId: string, failure: Failure, durationMs: number): Promise<void> {
    const { class: name, httpStatus } = failure;
    const attempt = ++exchange.attemptCount;
    const event = { attempt, upstreamKeyId, failure: name, httpStatus, durationMs };
    return parts.ledger.append(events.attemptFailed(facts, event, parts.now()));
  }

  function recordSuccess(upstreamKeyId: string, usage: TokenUsage, durationMs: number): Promise<void> {
    const event = { attempt: ++exchange.attemptCount, upstreamKeyId, usage, durationMs };
    return parts.ledger.append(events.attemptSucceeded(facts, event, parts.now()));
  }
}
