import type { Repair } from '../gemini/repair-request.ts';
import { type Candidate, chooseKey, type NoKey, type Rest } from './choose-key.ts';
import type { Failure, FailureClass } from './classify-failure.ts';

/** A Gemini API key as the pool holds it, in the clear, in memory only. */
export interface PoolKey extends Candidate {
  apiKey: string;
  maskedKey: string;
  rests: Map<string, Rest>;
  rejection: { untilMs: number | null; reason: FailureClass; message: string } | null;
  inFlight: number;
  lastFailure: { class: FailureClass; message: string } | null;
  /** Quota refusals in a row that named no time. */
  unknownRefusals: number;
}

export type AttemptResult<Value> =
  | { kind: 'answered'; value: Value }
  | { kind: 'failed'; failure: Failure }
  | { kind: 'aborted' };

/** One request for the pool to get answered. */
export interface RunPlan<Value> {
  model: string;
  /** Already chosen, as it is named in the event that precedes the first call. */
  first: PoolKey;
  attempt(key: PoolKey, repair: Repair | null): Promise<AttemptResult<Value>>;
  /** Called before the next attempt; it must have settled before that begins. */
  attemptFailed(key: PoolKey, number: number, failure: Failure, durationMs: number): Promise<void>;
  /** False once the caller has received a part of the answer. */
  maySwitch(): boolean;
  /** True when the caller is gone. */
  isGone(): boolean;
}

export type RunResult<Value> = { key: PoolKey; number: number } & (
  | { kind: 'answered'; value: Value }
  /** `others` tells of the rest of the pool, when another key would have been tried. */
  | { kind: 'failed'; failure: Failure; others: NoKey | null }
  | { kind: 'aborted' }
);

export interface Pool {
  add(key: Pick<PoolKey, 'id' | 'apiKey' | 'maskedKey' | 'isEnabled' | 'rejection'>): void;
  remove(id: string): void;
  get(id: string): PoolKey | undefined;
  keys(): PoolKey[];
  choose(model: string): { key: PoolKey } | NoKey;
  /** Gets one request answered. THE ONLY RETRY LOOP: nothing below or above it repeats a call. */
  run<Value>(plan: RunPlan<Value>): Promise<RunResult<Value>>;
}

export interface PoolParts {
  /** Wall clock, ms since 1970. */
  now(): number;
  /** 0 to 1. */
  random(): number;
  delay(ms: number): Promise<void>;
  /** Keeps a rejection beyond this process. */
  onRejected(key: PoolKey, failure: Failure): void;
}

const switchesMax = 6;
const backoffAttemptsMax = 4;
const backoffFirstMs = 500;
const backoffMsMax = 8000;
/** Spread of a minute's rest: keys that were refused together should not come back together. */
const restJitter = 0.2;

export function createPool({ now, random, delay, onRejected }: PoolParts): Pool {
  const keys = new Map<string, PoolKey>();
  const none: ReadonlySet<string> = new Set();
  let picks = 0;

  const choose = (model: string, tried = none) => chooseKey(keys.values(), model, now(), tried);

  async function run<Value>(plan: RunPlan<Value>): Promise<RunResult<Value>> {
    const budget = createBudget(keys.size);
    const tried = new Set<string>();
    let key = plan.first;
    let repair: Repair | null = null;
    for (let number = 1; ; number++) {
      const startedAt = performance.now();
      const result: AttemptResult<Value> = await attemptWith(plan, key, repair);
      if (result.kind === 'answered') return { ...result, key, number };
      if (result.kind === 'aborted' || plan.isGone()) return { kind: 'aborted', key, number };
      const failure: Failure = result.failure;
      punish(key, plan.model, failure);
      tried.add(key.id);
      const next: NextTry | NoKey | null = plan.maySwitch() ? nextTry(plan.model, key, tried, failure, budget) : null;
      if (!next || !('key' in next)) return { kind: 'failed', failure, others: next, key, number };
      await plan.attemptFailed(key, number, failure, Math.round(performance.now() - startedAt));
      if (next.pauseMs > 0) await delay(next.pauseMs);
      if (plan.isGone()) return { kind: 'aborted', key, number };
      ({ key, repair } = next);
    }
  }

  async function attemptWith<Value>(
    plan: RunPlan<Value>,
    key: PoolKey,
    repair: Repair | null,
  ): Promise<AttemptResult<Value>> {
    key.lastPick = ++picks;
    key.inFlight++;
    try {
      const result = await plan.attempt(key, repair);
      if (result.kind === 'answered') key.unknownRefusals = 0;
      return result;
    } finally {
      key.inFlight--;
    }
  }

  /** The next try that the failure and the budget allow; null when there is none to be had at all. */
  function nextTry(
    model: string,
    key: PoolKey,
    tried: Set<string>,
    failure: Failure,
    budget: Budget,
  ): NextTry | NoKey | null {
    const { retry } = failure;
    if (retry === 'never') return null;
    if (typeof retry === 'object')
      return budget.takeRepair(retry.repair) ? { key, repair: retry.repair, pauseMs: 0 } : null;
    if (retry === 'next-key' && !budget.takeSwitch()) return null;
    if (retry === 'once' && !budget.takeOnce()) return null;
    const backoffs = retry === 'backoff' ? budget.takeBackoff() : 0;
    if (backoffs === null) return null;
    const other = choose(model, tried);
    const pauseMs =
      backoffs === 0 ? 0 : Math.min(backoffMsMax, backoffFirstMs * 2 ** (backoffs - 1)) * (0.7 + 0.6 * random());
    if ('key' in other) return { key: other.key, repair: null, pauseMs };
    if (retry === 'next-key') return other;
    // Nothing was wrong with the key: with no other at hand the same one may try again.
    const same = choose(model);
    return 'key' in same ? { key: same.key, repair: null, pauseMs } : same;
  }

  function punish(key: PoolKey, model: string, failure: Failure): void {
    const { keyAction: action, class: reason, message } = failure;
    if (action.kind === 'none') return;
    key.lastFailure = { class: reason, message };
    switch (action.kind) {
      case 'reject':
        key.rejection = { untilMs: action.untilMs, reason, message };
        onRejected(key, failure);
        break;
      case 'rest-key':
        key.rest = { untilMs: action.untilMs, reason };
        break;
      case 'rest-model': {
        const spread = reason === 'key_model_minute' ? (action.untilMs - now()) * restJitter * random() : 0;
        key.rests.set(model, { untilMs: action.untilMs + spread, reason });
        break;
      }
      case 'rest-model-longer': {
        const restMs = Math.min(action.maxMs, action.firstMs * 2 ** key.unknownRefusals++);
        key.rests.set(model, { untilMs: now() + restMs, reason });
      }
    }
  }

  return {
    add(key) {
      const fresh = { rest: null, rests: new Map(), inFlight: 0, lastPick: 0, lastFailure: null, unknownRefusals: 0 };
      keys.set(key.id, { ...fresh, ...key });
    },
    remove: (id) => void keys.delete(id),
    get: (id) => keys.get(id),
    keys: () => [...keys.values()],
    choose,
    run,
  };
}

interface NextTry {
  key: PoolKey;
  repair: Repair | null;
  pauseMs: number;
}

interface Budget {
  takeSwitch(): boolean;
  takeOnce(): boolean;
  takeRepair(repair: Repair): boolean;
  /** The number of this pause, from 1; null when there were enough. */
  takeBackoff(): number | null;
}

/** How often one request may be tried again, by kind. */
function createBudget(keyCount: number): Budget {
  let switches = Math.min(keyCount, switchesMax);
  let backoffs = 0;
  let isOnceLeft = true;
  const repairs = new Set<Repair>();
  return {
    takeSwitch: () => switches-- > 0,
    takeBackoff: () => (++backoffs < backoffAttemptsMax ? backoffs : null),
    takeRepair: (repair) => repairs.size < repairs.add(repair).size,
    takeOnce() {
      const wasLeft = isOnceLeft;
      isOnceLeft = false;
      return wasLeft;
    },
  };
}
