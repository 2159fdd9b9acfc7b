import type { Candidate, Rest } from './choose-key.ts';
import type { FailureClass } from './classify-failure.ts';

/** A Gemini API key as the pool holds it, in the clear, in memory only. */
export interface PoolKey extends Candidate {
  apiKey: string;
  maskedKey: string;
  /** By which its calls go, with name and password; null: the way of all. */
  proxyUrl: string | null;
  rests: Map<string, Rest>;
  rejection: { untilMs: number | null; reason: FailureClass; message: string } | null;
  lastFailure: { class: FailureClass; message: string } | null;
  /** Quota refusals in a row that named no time. */
  unknownRefusals: number;
  /** Models that Google denied to the key since it last served one. */
  deniedModels: Set<string>;
  /** Models the key has served. */
  servedModels: Set<string>;
}

/** A key as it joins the pool. */
export type NewPoolKey = Pick<PoolKey, 'id' | 'apiKey' | 'maskedKey' | 'isEnabled' | 'rejection'> &
  Partial<Pick<PoolKey, 'project' | 'rest' | 'rests' | 'lastFailure'> & KeySettings>;

/** What people set for a key. */
export type KeySettings = Pick<PoolKey, 'caps' | 'weight' | 'connectionsMax' | 'proxyUrl'>;

/** @param place Its place among all keys, in the order in which they were added. */
export function newPoolKey(given: NewPoolKey, place: number): PoolKey {
  return {
    project: null,
    caps: null,
    weight: 1,
    connectionsMax: null,
    proxyUrl: null,
    rest: null,
    rests: new Map(),
    lastFailure: null,
    ...given,
    inFlight: 0,
    lonelyFailures: 0,
    place,
    // Never used: before all that were, the oldest first.
    lastPick: place - Number.MAX_SAFE_INTEGER,
    unknownRefusals: 0,
    deniedModels: new Set(),
    servedModels: new Set(),
  };
}
