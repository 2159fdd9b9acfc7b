import type { TokenUsage } from '../ledger/events.ts';
import type { NoKey } from '../pool/choose-key.ts';
import type { Failure } from '../pool/classify-failure.ts';
import type { PoolKey } from '../pool/pool-key.ts';
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

/** So many calls of one request are made at the same time: the pool's keys are not for one caller alone. */
const parallelCallsMax = 8;

/** Makes the calls of a request: the only one, or several side by side, each with its own choice of a key and its own events. */
export async function runCalls(
  exchange: Exchange,
  { model, only, first }: { model: string; only: string | null; first: PoolKey },
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

  async function runCall(call: PendingCall, key: PoolKey): Promise<CallResult> {
    const result = await parts.pool.run({
      model,
      only,
      first: key,
      maySwitch: () => !exchange.isCommitted,
      isGone: () => exchange.abortedBy !== null,
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

  /** One of several calls: its end is an event of its own. */
  async function runAndRecord(call: PendingCall, index: number): Promise<CallResult> {
    const startedAt = performance.now();
    const key = index === 0 ? first : chooseKey();
    const result = await runCall(call, key);
    const durationMs = Math.round(performance.now() - startedAt);
    if (result.kind === 'failed') await recordFailure(result.keyId, result.failure, durationMs);
    if (result.kind === 'answered') await recordSuccess(result.keyId, call.tally.usage(), durationMs);
    return result;
  }

  /** A key that is free, or else the first one: what it answers is then the truth about the pool. */
  function chooseKey(): PoolKey {
    const choice = parts.pool.choose(model, only);
    return 'key' in choice ? choice.key : first;
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
