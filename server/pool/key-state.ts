import { isAccepted } from './choose-key.ts';
import type { PoolKey } from './pool-key.ts';

export type UpstreamKeyStatus = 'ACTIVE' | 'COOLING_DOWN' | 'EXHAUSTED' | 'REJECTED' | 'DISABLED';

/** A key of the pool as people see it. Times are ms since 1970. */
export interface KeyState {
  id: string;
  maskedKey: string;
  status: UpstreamKeyStatus;
  /** Null unless it is cooling down or exhausted. */
  cooldownUntil: number | null;
  lastFailure: string | null;
  lastFailureMessage: string | null;
  cooldowns: { model: string; until: number; reason: string }[];
  inFlight: number;
}

/** What a key is up to now. Exhausted: a day's quota is used up, and no model is left that it has served otherwise. */
export function keyState(key: PoolKey, nowMs: number): KeyState {
  const cooldowns = [...key.rests]
    .filter(([, rest]) => rest.untilMs > nowMs)
    .map(([model, rest]) => ({ model, until: rest.untilMs, reason: rest.reason as string }));
  const restUntil = key.rest && key.rest.untilMs > nowMs ? key.rest.untilMs : null;
  const spent = cooldowns.filter(({ reason }) => reason === 'key_model_day');
  const spentModels = new Set(spent.map(({ model }) => model));
  const isSpent = spent.length > 0 && [...key.servedModels].every((model) => spentModels.has(model));
  const status = statusOf(key, nowMs, restUntil !== null, isSpent);
  const until = restUntil ?? Math.min(...spent.map((cooldown) => cooldown.until));
  const failure = key.rejection ? { class: key.rejection.reason, message: key.rejection.message } : key.lastFailure;
  return {
    id: key.id,
    maskedKey: key.maskedKey,
    status,
    cooldownUntil: status === 'COOLING_DOWN' || status === 'EXHAUSTED' ? until : null,
    lastFailure: failure?.class ?? null,
    lastFailureMessage: failure?.message ?? null,
    cooldowns,
    inFlight: key.inFlight,
  };
}

function statusOf(key: PoolKey, nowMs: number, isResting: boolean, isSpent: boolean): UpstreamKeyStatus {
  if (!key.isEnabled) return 'DISABLED';
  if (!isAccepted(key, nowMs)) return 'REJECTED';
  if (isResting) return 'COOLING_DOWN';
  return isSpent ? 'EXHAUSTED' : 'ACTIVE';
}
