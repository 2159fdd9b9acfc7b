import { isAccepted } from './choose-key.ts';
import type { PoolKey } from './pool.ts';

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

/** What a key is up to now. Exhausted: no quota is left today for any model it has met. */
export function keyState(key: PoolKey, nowMs: number): KeyState {
  const cooldowns = [...key.rests]
    .filter(([, rest]) => rest.untilMs > nowMs)
    .map(([model, rest]) => ({ model, until: rest.untilMs, reason: rest.reason as string }));
  const restUntil = key.rest && key.rest.untilMs > nowMs ? key.rest.untilMs : null;
  const isSpent =
    cooldowns.length > 0 &&
    cooldowns.length === key.rests.size &&
    cooldowns.every(({ reason }) => reason === 'key_model_day');
  const status = statusOf(key, nowMs, restUntil !== null, isSpent);
  const until = restUntil ?? Math.max(...cooldowns.map((cooldown) => cooldown.until));
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
