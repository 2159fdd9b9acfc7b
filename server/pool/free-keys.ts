import { type Candidate, isAccepted, restOf } from './choose-key.ts';

/** Clients name models freely; more of them than this are looked up anew. */
const modelsMax = 200;

/**
 * The keys that are free for a model, kept until a key changes or the first of the others wakes: in a large pool most keys may rest, and
 * no request should have to look at them.
 */
export interface FreeKeys<Key extends Candidate> {
  /** @param nowMs Wall clock, ms since 1970. */
  of(model: string, nowMs: number): readonly Key[];
  /** To be called after any change of a key, the end of a rest excepted. */
  forget(): void;
}

/** @param all The keys of the pool. */
export function createFreeKeys<Key extends Candidate>(all: () => Iterable<Key>): FreeKeys<Key> {
  const byModel = new Map<string, { keys: Key[]; validUntilMs: number }>();

  function lookUp(model: string, nowMs: number) {
    const keys: Key[] = [];
    let validUntilMs = Number.POSITIVE_INFINITY;
    for (const key of all()) {
      const wakesAtMs = wakeTime(key, model, nowMs);
      if (wakesAtMs === null) keys.push(key);
      else validUntilMs = Math.min(validUntilMs, wakesAtMs);
    }
    return { keys, validUntilMs };
  }

  return {
    of(model, nowMs) {
      const known = byModel.get(model);
      if (known && nowMs < known.validUntilMs) return known.keys;
      if (byModel.size >= modelsMax) byModel.clear();
      const found = lookUp(model, nowMs);
      byModel.set(model, found);
      return found.keys;
    },
    forget: () => byModel.clear(),
  };
}

/** Null for a key that is free; infinity for one that nothing but a change will free. */
function wakeTime(key: Candidate, model: string, nowMs: number): number | null {
  if (!isAccepted(key, nowMs)) return (key.isEnabled && key.rejection?.untilMs) || Number.POSITIVE_INFINITY;
  return restOf(key, model, nowMs)?.untilMs ?? null;
}
