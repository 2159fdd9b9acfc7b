import type { Strategy } from '../config.ts';
import type { FailureClass } from './classify-failure.ts';
import type { Quotas, QuotaUser } from './quotas.ts';

/** A pause of a key, for one model or for all. */
export interface Rest {
  untilMs: number;
  reason: FailureClass;
}

/** What a choice looks at. */
export interface Candidate extends QuotaUser {
  isEnabled: boolean;
  /** Google does not accept the key; until a time, or until somebody acts (null). */
  rejection: { untilMs: number | null } | null;
  /** A pause for all models. */
  rest: Rest | null;
  /** Pauses by model. */
  rests: ReadonlyMap<string, Rest>;
  /** Calls it is serving now. */
  inFlight: number;
  /** More calls than these it does not serve at a time; null: any number. */
  connectionsMax: number | null;
  /** Failures of the network in a row that other keys did not meet. */
  lonelyFailures: number;
  /** Of the traffic it gets so many parts, where the strategy asks. */
  weight: number;
  /** Its place among all keys, in the order in which they were added. */
  place: number;
  /** Grows with every pick of the pool; the smallest was used longest ago. */
  lastPick: number;
}

/** What a key is wanted for. */
export interface Wish {
  model: string;
  /** Of the prompt, about. */
  tokens?: number;
  /** No quota of the model's is used for it. */
  isUncounted?: boolean;
}

/** What a choice depends on beside the keys and the wish. */
export interface Circumstances {
  quotas: Quotas;
  strategy: Strategy;
  /** Wall clock, ms since 1970. */
  nowMs: number;
}

/** Why a key was not chosen; a rest's reason is the failure that it came from, or the quota that is about to run out. */
export interface Obstacle {
  reason: 'disabled' | 'rejected' | 'busy' | FailureClass;
  /** When it is over, ms since 1970; null when no time is known. */
  untilMs: number | null;
}

/** Why no key can be picked. */
export interface NoKey {
  /** When the first one wakes, ms since 1970; null when none will by itself. */
  earliestMs: number | null;
  /** What the keys that would be usable rest from; empty when there is no usable key at all. */
  reasons: FailureClass[];
}

/** A key, and whether it was the preferred one or the strategy's. */
export interface Chosen<Key> {
  key: Key;
  by: 'preference' | Strategy;
}

type Rank = (key: Candidate, model: string, circumstances: Circumstances) => number;

/** The lowest rank is taken; of equal ones the key that was used longest ago. */
const ranks: Readonly<Record<Strategy, Rank>> = {
  'least-used': (key, model, { quotas, nowMs }) => quotas.usedShare(key, model, nowMs),
  weighted: (key, model, { quotas, nowMs }) => quotas.requestsToday(key, model, nowMs) / key.weight,
  'fill-first': ({ place }) => place,
  sticky: ({ lastPick }) => -lastPick,
};

/** Of more free keys than this only so many are compared, where any that are little used will do. */
export const comparedMax = 128;

/** Whether a strategy has to look at all keys that are free: it is about one of them. */
export function isAboutOne(strategy: Strategy): boolean {
  return strategy === 'fill-first' || strategy === 'sticky';
}

/**
 * The key for a wish; null when none is free. Pure.
 * @param keys Where there are many, `comparedMax` of those that are free may be compared, the first ones.
 * @param preferred The key that served the conversation before: it is taken if it is free.
 * @param onHeld Told of the keys that were passed over, but for those already tried.
 */
export function chooseKey<Key extends Candidate>(
  keys: Iterable<Key>,
  wish: Wish,
  { tried, preferred = null }: { tried: ReadonlySet<string>; preferred?: Key | null },
  circumstances: Circumstances,
  onHeld?: (key: Key, obstacle: Obstacle) => void,
): Chosen<Key> | null {
  if (preferred && !tried.has(preferred.id) && !obstacleOf(preferred, wish, circumstances))
    return { key: preferred, by: 'preference' };
  const rank = ranks[circumstances.strategy];
  let best: Key | null = null;
  let bestRank = Infinity;
  let compared = 0;
  const enough = isAboutOne(circumstances.strategy) ? Infinity : comparedMax;
  for (const key of keys) {
    if (tried.has(key.id)) continue;
    const obstacle = obstacleOf(key, wish, circumstances);
    if (obstacle) {
      onHeld?.(key, obstacle);
      continue;
    }
    const itsRank = rank(key, wish.model, circumstances);
    if (best === null || itsRank < bestRank || (itsRank === bestRank && key.lastPick < best.lastPick)) {
      best = key;
      bestRank = itsRank;
    }
    if (++compared === enough) break;
  }
  return best && { key: best, by: circumstances.strategy };
}

/** What keeps a key from serving a wish now; null when it is free. */
export function obstacleOf(key: Candidate, wish: Wish, { quotas, nowMs }: Circumstances): Obstacle | null {
  if (!key.isEnabled) return { reason: 'disabled', untilMs: null };
  if (!isAccepted(key, nowMs)) return { reason: 'rejected', untilMs: key.rejection?.untilMs ?? null };
  const rest = restOf(key, wish.model, nowMs);
  if (rest) return rest;
  const hold = wish.isUncounted ? null : quotas.hold(key, wish.model, wish.tokens ?? 0, nowMs);
  if (hold) return hold;
  return key.inFlight >= callsMax(key) ? { reason: 'busy', untilMs: null } : null;
}

/** How many calls a key serves at a time: one that is in trouble alone, no more than one to probe it. */
export function callsMax({
  connectionsMax,
  lonelyFailures,
}: Pick<Candidate, 'connectionsMax' | 'lonelyFailures'>): number {
  return lonelyFailures >= lonelyFailuresMax ? 1 : (connectionsMax ?? Infinity);
}

/** After so many failures in a row that no other key met, a key rests. */
export const lonelyFailuresMax = 5;

/** Why there is no key: what those rest from that are switched on and that Google accepts. */
export function noKey<Key extends Candidate>(keys: Iterable<Key>, wish: Wish, circumstances: Circumstances): NoKey {
  let earliestMs: number | null = null;
  const reasons: FailureClass[] = [];
  for (const key of keys) {
    const obstacle = obstacleOf(key, wish, circumstances);
    if (!obstacle || obstacle.reason === 'disabled' || obstacle.reason === 'rejected') continue;
    // A busy key is free again any moment.
    const untilMs = obstacle.untilMs ?? circumstances.nowMs;
    reasons.push(isFailureClass(obstacle.reason) ? obstacle.reason : 'key_model_minute');
    earliestMs = Math.min(earliestMs ?? untilMs, untilMs);
  }
  return { earliestMs, reasons };
}

function isFailureClass(reason: Obstacle['reason']): reason is FailureClass {
  return reason !== 'busy' && reason !== 'disabled' && reason !== 'rejected';
}

/** Whether a key is switched on and Google accepts it, as far as is known. */
export function isAccepted(
  { isEnabled, rejection }: Pick<Candidate, 'isEnabled' | 'rejection'>,
  nowMs: number,
): boolean {
  return isEnabled && (rejection === null || (rejection.untilMs !== null && rejection.untilMs <= nowMs));
}

/** The longest rest that holds a key back from a model now. */
export function restOf(key: Pick<Candidate, 'rest' | 'rests'>, model: string, nowMs: number): Rest | null {
  const whole = current(key.rest, nowMs);
  const single = current(key.rests.get(model), nowMs);
  if (!whole || !single) return whole ?? single;
  return whole.untilMs > single.untilMs ? whole : single;
}

function current(rest: Rest | null | undefined, nowMs: number): Rest | null {
  return rest && rest.untilMs > nowMs ? rest : null;
}
