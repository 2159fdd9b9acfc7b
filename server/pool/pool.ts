import type { Strategy } from '../config.ts';
import type { Repair } from '../gemini/repair-request.ts';
import {
  type Chosen,
  type Circumstances,
  callsMax,
  chooseKey,
  comparedMax,
  isAboutOne,
  type NoKey,
  noKey,
  type Obstacle,
  obstacleOf,
  type Wish,
} from './choose-key.ts';
import type { Failure } from './classify-failure.ts';
import { createConversations } from './conversations.ts';
import { createFreeKeys } from './free-keys.ts';
import { createVerdicts } from './key-verdicts.ts';
import { createModelBreakers } from './model-breakers.ts';
import type { KeyChange } from './pool-change.ts';
import { type KeySettings, type NewPoolKey, newPoolKey, type PoolKey } from './pool-key.ts';
import { createQuotas, type Quotas, type Taken } from './quotas.ts';
import { createRetryBudget, type RetryBudget } from './retry-budget.ts';
import { type Caller, createWaitingRoom } from './waiting-room.ts';

export type { KeyChange };

export type AttemptResult<Value> =
  /** `promptTokens`: as Google counted them, where it did. */
  | { kind: 'answered'; value: Value; promptTokens?: number }
  | { kind: 'failed'; failure: Failure }
  | { kind: 'aborted' };

/** What a request wants of the pool. */
export interface Wanted extends Wish {
  /** The id of the only key that may be used, when the request is about something that key made. */
  only?: string | null;
  /** Names the conversation that it goes on with: the key that served it before is preferred. */
  conversation?: string | null;
  /** How long it waits for a key to become free, ms since 1970. Absent: not at all. */
  waitUntilMs?: number;
}

/** A key that was picked for one call and counted as used. */
export interface Pick {
  key: PoolKey;
  model: string;
  /** Null for what uses no quota. */
  taken: Taken | null;
  isUsed: boolean;
}

/** One request for the pool to get answered. */
export interface RunPlan<Value> {
  wanted: Wanted;
  caller: Caller;
  /** Already picked, as it is named in the event that precedes the first call. */
  first: Pick;
  attempt(key: PoolKey, repair: Repair | null): Promise<AttemptResult<Value>>;
  /** Called before the next attempt; it must have settled before that begins. */
  attemptFailed(key: PoolKey, failure: Failure, durationMs: number): Promise<void>;
  /** False once the caller has received a part of the answer. */
  maySwitch(): boolean;
}

export type RunResult<Value> = { key: PoolKey } & (
  | { kind: 'answered'; value: Value }
  /** `others` tells of the rest of the pool, when another key would have been tried. */
  | { kind: 'failed'; failure: Failure; others: NoKey | null }
  | { kind: 'aborted' }
);

/** Why a choice is what it is. */
export interface Explanation {
  chosen: PoolKey | null;
  strategy: Strategy;
  /** How many keys are free. */
  free: number;
  /** What keeps the others back. */
  obstacles: ({ key: PoolKey } & Obstacle)[];
}

export interface Pool {
  add(key: NewPoolKey): void;
  remove(id: string): void;
  setEnabled(id: string, isEnabled: boolean): void;
  /** What is absent stays. */
  configure(id: string, settings: Partial<KeySettings>): void;
  /** Puts a key into a project, whose quotas it uses together with the project's other keys; null: none is known. */
  setProject(id: string, project: string | null): void;
  get(id: string): PoolKey | undefined;
  keys(): PoolKey[];
  /** The key that would be picked now. */
  choose(wanted: Wanted): Chosen<PoolKey> | NoKey;
  /** What `choose` looks at, key by key. */
  explain(wish: Wish): Explanation;
  /** Picks a key, after those that wait already; waits for one as long as is wanted. Null when the caller has left. */
  pick(wanted: Wanted, caller: Caller): Pick | Promise<Pick | NoKey | null> | NoKey;
  /** Gives back a pick that no call was made with. */
  release(pick: Pick): void;
  /** Takes in what a check outside of any request found: null that Google accepts the key. Of failures only rejections count. */
  noteCheck(id: string, failure: Failure | null): void;
  /** Calls the listener after each change, until the returned function is called. */
  onChange(listener: (change: KeyChange) => void): () => void;
  /** Gets one request answered. THE ONLY RETRY LOOP: nothing below or above it repeats a call. */
  run<Value>(plan: RunPlan<Value>): Promise<RunResult<Value>>;
  /** How many requests wait for a key. */
  waiting(): number;
  quotas: Quotas;
}

export interface PoolParts {
  strategy?: Strategy;
  /** Wall clock, ms since 1970. */
  now(): number;
  /** 0 to 1. */
  random(): number;
  delay(ms: number): Promise<void>;
  /** Calls back after some time, ms. Absent: by a timer that keeps no process alive. */
  wake?(ms: number, ring: () => void): void;
}

const none: ReadonlySet<string> = new Set();

export function createPool(parts: PoolParts): Pool {
  const { strategy = 'least-used', now, random, delay, wake = setTimer } = parts;
  const keys = new Map<string, PoolKey>();
  const listeners = new Set<(change: KeyChange) => void>();
  const quotas = createQuotas();
  const conversations = createConversations();
  const room = createWaitingRoom<Wanted, Pick>({ take, now, wake });
  const breakers = createModelBreakers();
  const verdicts = createVerdicts({ keys: () => keys.values(), now, random, place: setProject, changed });
  let places = 0;
  let picks = 0;

  const circumstances = (nowMs: number) => ({ quotas, strategy, nowMs });
  const freeKeys = createFreeKeys<PoolKey>(
    () => keys.values(),
    (key) => keys.get(key.id) === key,
    (key, model, nowMs) => {
      const obstacle = obstacleOf(key, { model }, circumstances(nowMs));
      return obstacle && (obstacle.untilMs ?? Infinity);
    },
  );

  function choose(wanted: Wanted, tried = none): Chosen<PoolKey> | NoKey {
    const nowMs = now();
    const { model, only, conversation } = wanted;
    const about = circumstances(nowMs);
    const overloadedUntilMs = breakers.heldUntil(model, nowMs);
    if (overloadedUntilMs !== null) return { earliestMs: overloadedUntilMs, reasons: ['model_overloaded'] };
    const unknownUntilMs = verdicts.unknownUntil(model, nowMs);
    if (unknownUntilMs !== null) return { earliestMs: unknownUntilMs, reasons: ['model_not_found'] };
    if (only !== null && only !== undefined) {
      const key = keys.get(only);
      const own = key ? [key] : [];
      return chooseKey(own, wanted, { tried }, about) ?? noKey(own, wanted, about);
    }
    const last = conversation ? conversations.keyOf(conversation, nowMs) : null;
    const preferred = last === null ? null : keys.get(last);
    const held: PoolKey[] = [];
    const free = spread(freeKeys.of(model, nowMs));
    const choice = chooseKey(free, wanted, { tried, preferred }, about, (key) => held.push(key));
    for (const key of held) freeKeys.noteHeld(model, key, nowMs);
    return choice ?? chooseOfAll(wanted, tried, about);
  }

  /** A look at every key, before anybody is refused: one may be free earlier than was foreseen, as others were refused or did not call. */
  function chooseOfAll(wanted: Wanted, tried: ReadonlySet<string>, about: Circumstances): Chosen<PoolKey> | NoKey {
    const choice = chooseKey(keys.values(), wanted, { tried }, about);
    if (choice) freeKeys.noteChange(choice.key);
    return choice ?? noKey(keys.values(), wanted, about);
  }

  /** Of many keys others are compared each time. */
  function spread(free: readonly PoolKey[]): Iterable<PoolKey> {
    const isFew = free.length <= comparedMax || isAboutOne(strategy);
    return isFew ? free : from(free, Math.floor(random() * free.length));
  }

  function take(wanted: Wanted, tried = none): Pick | NoKey {
    const choice = choose(wanted, tried);
    return 'key' in choice ? use(choice.key, wanted) : choice;
  }

  function use(key: PoolKey, { model, tokens = 0, isUncounted = false }: Wanted): Pick {
    key.lastPick = ++picks;
    key.inFlight++;
    breakers.begin(model, now());
    return { key, model, taken: isUncounted ? null : quotas.take(key, model, tokens, now()), isUsed: false };
  }

  function leaveKey(key: PoolKey): void {
    const wasFull = key.inFlight-- >= callsMax(key);
    if (!wasFull) return;
    freeKeys.noteChange(key);
    room.serve();
  }

  function pick(wanted: Wanted, caller: Caller): Pick | Promise<Pick | NoKey | null> | NoKey {
    const { waitUntilMs } = wanted;
    if (waitUntilMs === undefined) return take(wanted);
    // Nobody overtakes those who wait already.
    const found = room.length === 0 ? take(wanted) : freeSoon(now());
    return 'taken' in found ? found : room.wait(wanted, caller, found, waitUntilMs);
  }

  async function run<Value>(plan: RunPlan<Value>): Promise<RunResult<Value>> {
    const { caller } = plan;
    let tries: Tries | null = null;
    let picked = plan.first;
    let repair: Repair | null = null;
    for (;;) {
      const { key } = picked;
      const startedAt = performance.now();
      const result: AttemptResult<Value> = await attemptWith(plan, picked, repair);
      if (result.kind === 'answered') return { kind: 'answered', value: result.value, key };
      if (result.kind === 'aborted' || caller.isGone()) return { kind: 'aborted', key };
      const failure: Failure = result.failure;
      const durationMs = Math.round(performance.now() - startedAt);
      tries ??= { budget: createRetryBudget(keys.size, random), tried: new Set() };
      tries.tried.add(key.id);
      const next: NextTry | NoKey | null = plan.maySwitch() ? await nextTry(plan, key, failure, tries) : null;
      if (!next || !('picked' in next)) {
        if (caller.isGone()) return { kind: 'aborted', key };
        return { kind: 'failed', failure, others: next, key };
      }
      await prepared(plan, next, () => plan.attemptFailed(key, failure, durationMs));
      if (caller.isGone()) {
        release(next.picked);
        return { kind: 'aborted', key };
      }
      ({ picked, repair } = next);
    }
  }

  /** What has to be done before the next try; if it cannot be, the key is given back. */
  async function prepared({ caller }: RunPlan<unknown>, { picked, pauseMs }: NextTry, record: () => Promise<void>) {
    if (caller.isGone()) return;
    try {
      await record();
      if (pauseMs > 0) await delay(pauseMs);
    } catch (error) {
      release(picked);
      throw error;
    }
  }

  async function attemptWith<Value>(
    { wanted, attempt }: RunPlan<Value>,
    picked: Pick,
    repair: Repair | null,
  ): Promise<AttemptResult<Value>> {
    const { key, taken } = picked;
    picked.isUsed = true;
    try {
      const result = await attempt(key, repair);
      noteModel(wanted.model, result);
      if (result.kind === 'answered') {
        if (taken) quotas.settle(taken, result.promptTokens ?? taken.tokens);
        if (wanted.conversation) conversations.note(wanted.conversation, key.id, now());
        // One that was probed is free for more now.
        if (key.lonelyFailures > 0) freeKeys.noteChange(key);
        verdicts.answered(key, wanted.model);
      }
      if (result.kind === 'failed') {
        if (taken) learn(taken, key, wanted.model, result.failure);
        verdicts.failed(key, wanted.model, result.failure);
      }
      return result;
    } finally {
      leaveKey(key);
    }
  }

  /** The next try that the failure and the budget allow; the state of the pool or null when there is none to be had. */
  async function nextTry(
    { wanted, caller }: RunPlan<unknown>,
    key: PoolKey,
    { retry }: Failure,
    { budget, tried }: Tries,
  ): Promise<NextTry | NoKey | null> {
    if (retry === 'never') return null;
    if (typeof retry === 'object')
      return budget.takeRepair(retry.repair) ? { picked: use(key, wanted), repair: retry.repair, pauseMs: 0 } : null;
    if (retry === 'next-key' && !budget.takeSwitch()) return null;
    if (retry === 'once' && !budget.takeOnce()) return null;
    let pauseMs = retry === 'backoff' ? budget.takePause() : 0;
    if (pauseMs === null) return null;
    const fresh = take(wanted, tried);
    if ('key' in fresh) return { picked: fresh, repair: null, pauseMs };
    // A key that is free although it was tried was not at fault: better after a pause than not at all.
    const again = take(wanted);
    if ('key' in again) {
      if (retry === 'next-key') pauseMs = budget.takePause();
      if (pauseMs !== null) return { picked: again, repair: null, pauseMs };
      release(again);
      return null;
    }
    const later = await room.wait(wanted, caller, again, wanted.waitUntilMs ?? 0);
    return later && 'key' in later ? { picked: later, repair: null, pauseMs: 0 } : later;
  }

  function release(picked: Pick): void {
    if (picked.isUsed) return;
    picked.isUsed = true;
    breakers.end(picked.model, null, now());
    if (picked.taken) quotas.giveBack(picked.taken);
    leaveKey(picked.key);
  }

  function learn(taken: Taken, key: PoolKey, model: string, failure: Failure): void {
    const limits = quotas.noteFailure(taken, key, model, failure, now());
    if (limits.length > 0) changed({ key, kind: 'learned', model, limits });
  }

  /** A success says that the model is not overloaded; what else fails says nothing about it. */
  function noteModel(model: string, result: AttemptResult<unknown>): void {
    const isOverloaded = result.kind === 'failed' && result.failure.class === 'model_overloaded';
    breakers.end(model, isOverloaded || (result.kind === 'answered' ? false : null), now());
    if (result.kind === 'answered' && room.length > 0) room.serve();
  }

  function setProject(key: PoolKey, project: string | null): void {
    if (key.project === project) return;
    if (key.project === null && project !== null) quotas.join(key, project, now());
    key.project = project;
    freeKeys.noteChange(key);
  }

  function changed(change: KeyChange): void {
    freeKeys.noteChange(change.key);
    for (const listener of listeners) listener(change);
    room.serve();
  }

  return {
    add(added) {
      const key = newPoolKey(added, ++places);
      keys.set(key.id, key);
      changed({ key, kind: 'added' });
    },
    remove(id) {
      const key = keys.get(id);
      if (!key) return;
      keys.delete(id);
      quotas.forget(key);
      changed({ key, kind: 'removed' });
    },
    setEnabled(id, isEnabled) {
      const key = keys.get(id);
      if (!key) return;
      key.isEnabled = isEnabled;
      changed({ key, kind: 'switched' });
    },
    configure(id, settings) {
      const key = keys.get(id);
      if (!key) return;
      Object.assign(key, settings);
      changed({ key, kind: 'switched' });
    },
    setProject(id, project) {
      const key = keys.get(id);
      if (!key) return;
      setProject(key, project);
      changed({ key, kind: 'switched' });
    },
    get: (id) => keys.get(id),
    keys: () => [...keys.values()],
    choose: (wanted) => choose(wanted),
    explain(wish) {
      const about = circumstances(now());
      const all = [...keys.values()];
      const found = all.map((key) => ({ key, obstacle: obstacleOf(key, wish, about) }));
      const obstacles = found.flatMap(({ key, obstacle }) => (obstacle ? { key, ...obstacle } : []));
      const choice = choose(wish);
      const chosen = 'key' in choice ? choice.key : null;
      return { chosen, strategy, free: all.length - obstacles.length, obstacles };
    },
    pick,
    release,
    noteCheck(id, failure) {
      const key = keys.get(id);
      if (!key) return;
      if (failure?.keyAction.kind === 'reject') verdicts.failed(key, noModel, failure);
      else if (!failure && key.rejection) {
        key.rejection = null;
        changed({ key, kind: 'restored', by: 'check' });
      }
    },
    onChange(listener) {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
    run,
    waiting: () => room.length,
    quotas,
  };
}

/** A check is about the key, not about a model. */
const noModel = '';

/** What the tries of a request have used up. */
interface Tries {
  budget: RetryBudget;
  /** Ids of keys. */
  tried: Set<string>;
}

interface NextTry {
  picked: Pick;
  repair: Repair | null;
  pauseMs: number;
}

function setTimer(ms: number, ring: () => void): void {
  setTimeout(ring, ms).unref();
}

/** What is found by who is not first in line. */
function freeSoon(nowMs: number): NoKey {
  return { earliestMs: nowMs, reasons: ['key_model_minute'] };
}

function* from<Item>(items: readonly Item[], start: number): Generator<Item> {
  for (let index = start; index < items.length; index++) yield items[index] as Item;
  for (let index = 0; index < start; index++) yield items[index] as Item;
}
