/** Lets the calls of callers who left go on to their end, to learn what they cost: a few at a time, and not for long. */
export interface Drains {
  /** @param cut Called when it has taken too long. @returns what to call at its end; null when no call may go on */
  begin(cut: () => void): (() => void) | null;
}

const drainsMax = 20;
const drainMsMax = 60_000;

/** @param isOn Off by default: what nobody waits for is ended, which may spare what was not made yet. */
export function createDrains(isOn: boolean): Drains {
  let running = 0;
  return {
    begin(cut) {
      if (!isOn || running >= drainsMax) return null;
      running++;
      const timer = setTimeout(cut, drainMsMax);
      return () => {
        running--;
        clearTimeout(timer);
      };
    },
  };
}
