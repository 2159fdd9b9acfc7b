import type { FailureClass } from './classify-failure.ts';

/** A pause of a key, for one model or for all. */
export interface Rest {
  untilMs: number;
  reason: FailureClass;
}

/** What a choice looks at. */
export interface Candidate {
  id: string;
  isEnabled: boolean;
  /** Google does not accept the key; until a time, or until somebody acts (null). */
  rejection: { untilMs: number | null } | null;
  /** A pause for all models. */
  rest: Rest | null;
  /** Pauses by model. */
  rests: ReadonlyMap<string, Rest>;
  /** Grows with every pick of the pool; the smallest was used longest ago. */
  lastPick: number;
}

/** Why no key can be picked. */
export interface NoKey {
  /** When the first one wakes, ms since 1970; null when none will by itself. */
  earliestMs: number | null;
  /** What the keys that would be usable rest from; empty when there is no usable key at all. */
  reasons: FailureClass[];
}

/** The usable key for a model that was used longest ago, leaving out those already tried. Pure. */
export function chooseKey<Key extends Candidate>(
  keys: Iterable<Key>,
  model: string,
  nowMs: number,
  tried: ReadonlySet<string>,
): { key: Key } | NoKey {
  let best: Key | null = null;
  let earliestMs: number | null = null;
  const reasons: FailureClass[] = [];
  for (const key of keys) {
    if (!isAccepted(key, nowMs)) continue;
    const rest = restOf(key, model, nowMs);
    if (rest) {
      reasons.push(rest.reason);
      earliestMs = Math.min(earliestMs ?? rest.untilMs, rest.untilMs);
    } else if (!tried.has(key.id) && (best === null || key.lastPick < best.lastPick)) best = key;
  }
  return best ? { key: best } : { earliestMs, reasons };
}

/** Whether a key is switched on and Google accepts it, as far as is known. */
export function isAccepted({ isEnabled, rejection }: Candidate, nowMs: number): boolean {
  return isEnabled && (rejection === null || (rejection.untilMs !== null && rejection.untilMs <= nowMs));
}

/** The longest rest that holds a key back from a model now. */
export function restOf(key: Candidate, model: string, nowMs: number): Rest | null {
  const whole = current(key.rest, nowMs);
  const single = current(key.rests.get(model), nowMs);
  if (!whole || !single) return whole ?? single;
  return whole.untilMs > single.untilMs ? whole : single;
}

function current(rest: Rest | null | undefined, nowMs: number): Rest | null {
  return rest && rest.untilMs > nowMs ? rest : null;
}
