import type { Repair } from '../gemini/repair-request.ts';
import { chooseKey, type NoKey, type Rest } from './choose-key.ts';
import type { Failure } from './classify-failure.ts';
import { createFreeKeys } from './free-keys.ts';
import { type HealthChange, noteFailure, noteSuccess } from './key-health.ts';
import type { PoolKey } from './pool-key.ts';
import { createRetryBudget, type RetryBudget } from './retry-budget.ts';

/** Something about a key that people can see has changed. The end of a rest is told by the clock alone. */
export interface KeyChange {
  key: PoolKey;
  kind: NonNullable<HealthChange> | 'added' | 'removed' | 'switched';
}

export type AttemptResult<Value> =
  | { kind: 'answered'; value: Value }
  | { kind: 'failed'; failure: Failure }
  | { kind: 'aborted' };

/** One request for the pool to get answered. */
export interface RunPlan<Value> {
  model: string;
  /** The id of the only key that may be used, when the request is about something that key made. */
  only?: string | null;
  /** Already chosen, as it is named in the event that precedes the first call. */
  first: PoolKey;
  attempt(key: PoolKey, repair: Repair | null): Promise<AttemptResult<Value>>;
  /** Called before the next attempt; it must have settled before that begins. */
  attemptFailed(key: PoolKey, failure: Failure, durationMs: number): Promise<void>;
  /** False once the caller has received a part of the answer. */
  maySwitch(): boolean;
  /** True when the caller is gone. */
  isGone(): boolean;
}

export type RunResult<Value> = { key: PoolKey } & (
  | { kind: 'answered'; value: Value }
  /** `others` tells of the rest of the pool, when another key would have been tried. */
  | { kind: 'failed'; failure: Failure; others: NoKey | null }
  | { kind: 'aborted' }
);

export interface Pool {
  add(key: Pick<PoolKey, 'id' | 'apiKey' | 'maskedKey' | 'isEnabled' | 'rejection'>): void;
  remove(id: string): void;
  setEnabled(id: string, isEnabled: boolean): void;
  get(id: string): PoolKey | undefined;
  keys(): PoolKey[];
  /** @param only The id of the only key that may be used. */
  choose(model: string, only?: string | null): { key: PoolKey } | NoKey;
  /** Takes in what a check outside of any request found: null that Google accepts the key. Of failures only rejections count. */
  noteCheck(id: string, failure: Failure | null): void;
  /** Calls the listener after each change, until the returned function is called. */
  onChange(listener: (change: KeyChange) => void): () => void;
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

export function createPool({ now, random, delay, onRejected }: PoolParts): Pool {
  const keys = new Map<string, PoolKey>();
  const listeners = new Set<(change: KeyChange) => void>();
  const none: ReadonlySet<string> = new Set();
  let picks = 0;

  const freeKeys = createFreeKeys(() => keys.values());

  function choose(model: string, only?: string | null, tried = none): { key: PoolKey } | NoKey {
    const nowMs = now();
    if (only !== null && only !== undefined) {
      const key = keys.get(only);
      return chooseKey(key ? [key] : [], model, nowMs, tried);
    }
    const choice = chooseKey(freeKeys.of(model, nowMs), model, nowMs, tried);
    // Only who gets none is told of those that rest.
    return 'key' in choice ? choice : chooseKey(keys.values(), model, nowMs, tried);
  }

  async function run<Value>(plan: RunPlan<Value>): Promise<RunResult<Value>> {
    const budget = createRetryBudget(keys.size, random);
    const tried = new Set<string>();
    let key = plan.first;
    let repair: Repair | null = null;
    for (;;) {
      const startedAt = performance.now();
      const result: AttemptResult<Value> = await attemptWith(plan, key, repair);
      if (result.kind === 'answered') return { ...result, key };
      if (result.kind === 'aborted' || plan.isGone()) return { kind: 'aborted', key };
      const failure: Failure = result.failure;
      tried.add(key.id);
      const next: NextTry | NoKey | null = plan.maySwitch() ? nextTry(plan, key, tried, failure, budget) : null;
      if (!next || !('key' in next)) return { kind: 'failed', failure, others: next, key };
      await plan.attemptFailed(key, failure, Math.round(performance.now() - startedAt));
      if (next.pauseMs > 0) await delay(next.pauseMs);
      if (plan.isGone()) return { kind: 'aborted', key };
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
      if (result.kind === 'answered') changed(key, noteSuccess(key, plan.model));
      if (result.kind === 'failed') punish(key, plan.model, result.failure);
      return result;
    } finally {
      key.inFlight--;
    }
  }

  /** The next try that the failure and the budget allow; the state of the pool or null when there is none to be had. */
  function nextTry(
    { model, only }: Pick<RunPlan<unknown>, 'model' | 'only'>,
    key: PoolKey,
    tried: Set<string>,
    failure: Failure,
    budget: RetryBudget,
  ): NextTry | NoKey | null {
    const { retry } = failure;
    if (retry === 'never') return null;
    if (typeof retry === 'object')
      return budget.takeRepair(retry.repair) ? { key, repair: retry.repair, pauseMs: 0 } : null;
    if (retry === 'next-key' && !budget.takeSwitch()) return null;
    if (retry === 'once' && !budget.takeOnce()) return null;
    let pauseMs = retry === 'backoff' ? budget.takePause() : 0;
    if (pauseMs === null) return null;
    const fresh = choose(model, only, tried);
    if ('key' in fresh) return { key: fresh.key, repair: null, pauseMs };
    // A key that is free although it was tried was not at fault: better after a pause than not at all.
    const again = choose(model, only);
    if (!('key' in again)) return again;
    if (retry === 'next-key') pauseMs = budget.takePause();
    return pauseMs === null ? null : { key: again.key, repair: null, pauseMs };
  }

  function punish(key: PoolKey, model: string, failure: Failure): void {
    const change = noteFailure(key, model, failure, now(), random());
    if (change === 'rejected' && key.rejection) onRejected(key, { ...failure, class: key.rejection.reason });
    changed(key, change);
  }

  function changed(key: PoolKey, kind: KeyChange['kind'] | null): void {
    if (kind === null) return;
    freeKeys.forget();
    for (const listener of listeners) listener({ key, kind });
  }

  return {
    add(added) {
      const key: PoolKey = { ...unused(), ...added };
      keys.set(key.id, key);
      changed(key, 'added');
    },
    remove(id) {
      const key = keys.get(id);
      if (key && keys.delete(id)) changed(key, 'removed');
    },
    setEnabled(id, isEnabled) {
      const key = keys.get(id);
      if (!key) return;
      key.isEnabled = isEnabled;
      changed(key, 'switched');
    },
    get: (id) => keys.get(id),
    keys: () => [...keys.values()],
    choose: (model, only) => choose(model, only),
    noteCheck(id, failure) {
      const key = keys.get(id);
      if (!key) return;
      if (failure?.keyAction.kind === 'reject') punish(key, noModel, failure);
      else if (!failure && key.rejection) {
        key.rejection = null;
        changed(key, 'restored');
      }
    },
    onChange(listener) {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
    run,
  };
}

/** A check is about the key, not about a model. */
const noModel = '';

function unused() {
  return {
    rest: null,
    rests: new Map<string, Rest>(),
    inFlight: 0,
    lastPick: 0,
    lastFailure: null,
    unknownRefusals: 0,
    deniedModels: new Set<string>(),
    servedModels: new Set<string>(),
  };
}

interface NextTry {
  key: PoolKey;
  repair: Repair | null;
  pauseMs: number;
}
