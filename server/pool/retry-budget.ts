import type { Repair } from '../gemini/repair-request.ts';

/** How often one request may be tried again, by kind. Each `take` uses up one try; false or null when none is left. */
export interface RetryBudget {
  /** Another key at once, as the last one was at fault. */
  takeSwitch(): boolean;
  /** One more try in all, for a model or an answer that is probably bad everywhere. */
  takeOnce(): boolean;
  /** The same key with a changed request; each change once. */
  takeRepair(repair: Repair): boolean;
  /** The length of a pause in ms, longer each time. */
  takePause(): number | null;
}

const switchesMax = 6;
const pausedAttemptsMax = 4;
const pauseFirstMs = 500;
const pauseMsMax = 8000;
/** Clients that failed together should not come back together. */
const pauseSpread = 0.3;

/** @param random 0 to 1. */
export function createRetryBudget(keyCount: number, random: () => number): RetryBudget {
  let switches = Math.min(keyCount, switchesMax);
  let pauses = 0;
  let isOnceLeft = true;
  const repairs = new Set<Repair>();
  return {
    takeSwitch: () => switches-- > 0,
    takeRepair: (repair) => repairs.size < repairs.add(repair).size,
    takeOnce() {
      const wasLeft = isOnceLeft;
      isOnceLeft = false;
      return wasLeft;
    },
    takePause() {
      if (pauses >= pausedAttemptsMax - 1) return null;
      const pauseMs = Math.min(pauseMsMax, pauseFirstMs * 2 ** pauses++);
      return pauseMs * (1 - pauseSpread + 2 * pauseSpread * random());
    },
  };
}
