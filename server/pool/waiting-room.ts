import type { NoKey } from './choose-key.ts';
import { createWaitingLine, type Waiter } from './waiting-line.ts';

/** Who a key is for. */
export interface Caller extends Waiter {
  isGone(): boolean;
  /** Calls the listener when the caller leaves. */
  onGone(listener: () => void): void;
}

/** What may be waited for: keys for one model, or one key. */
interface Waitable {
  model: string;
  only?: string | null;
  /** Of the prompt, about: where there is no room for so many, there may be for fewer. */
  tokens?: number;
  /** No quota is used for it: there may be a key for it where there is none for others. */
  isUncounted?: boolean;
}

/** Where requests wait for a key that rests. */
export interface WaitingRoom<Wanted extends Waitable, Picked> {
  readonly length: number;
  /**
   * Waits until a key is picked, or until it is clear that none will be free in time.
   * @param found What the pool said when it was asked.
   * @returns null when the caller has left.
   */
  wait(wanted: Wanted, caller: Caller, found: NoKey, untilMs: number): Promise<Picked | NoKey | null>;
  /** Serves who can be served now. To be called when a key may have become free but by the clock. */
  serve(): void;
}

interface WaitingRoomParts<Wanted, Picked> {
  take(wanted: Wanted): Picked | NoKey;
  /** Wall clock, ms since 1970. */
  now(): number;
  /** Calls back after some time, ms. */
  wake(ms: number, ring: () => void): void;
}

interface Waiting<Wanted, Picked> extends Waiter {
  wanted: Wanted;
  /** What the pool said when it was last asked. */
  found: NoKey;
  /** ms since 1970. */
  untilMs: number;
  settle(result: Picked | NoKey | null): void;
}

/** For the time alone the line is not looked at more often than this. */
const lookMsMin = 5;

export function createWaitingRoom<Wanted extends Waitable, Picked extends object>({
  take,
  now,
  wake,
}: WaitingRoomParts<Wanted, Picked>): WaitingRoom<Wanted, Picked> {
  const line = createWaitingLine<Waiting<Wanted, Picked>>();
  /** When the line is looked at next, ms since 1970. */
  let alarmMs = Infinity;

  function serve(): void {
    if (line.length === 0) return;
    /** The least that there is no key for, by model. */
    const missing = new Map<string, { need: number; found: NoKey }>();
    line.serveInTurn((entry) => {
      const [name, need] = [nameOf(entry.wanted), needOf(entry.wanted)];
      const known = missing.get(name);
      const found = known && known.need <= need ? known.found : take(entry.wanted);
      if (!isNoKey(found)) {
        entry.settle(found);
        return true;
      }
      entry.found = found;
      if (!known || need < known.need) missing.set(name, { need, found });
      return false;
    });
    setAlarm(sendAway());
  }

  /** Sends away whose patience ends before a key is free. @returns when the line has to be looked at again, ms since 1970. */
  function sendAway(): number {
    const nowMs = now();
    let nextMs = Infinity;
    for (const entry of [...line]) {
      const earliestMs = entry.found.earliestMs ?? Infinity;
      if (nowMs < entry.untilMs && earliestMs <= entry.untilMs) {
        nextMs = Math.min(nextMs, Math.max(earliestMs, nowMs + lookMsMin), entry.untilMs);
      } else {
        line.leave(entry);
        entry.settle(entry.found);
      }
    }
    return nextMs;
  }

  function setAlarm(atMs: number): void {
    const nowMs = now();
    if (atMs === Infinity || (alarmMs <= atMs && alarmMs > nowMs)) return;
    alarmMs = atMs;
    wake(atMs - nowMs, () => {
      // An earlier one was set meanwhile.
      if (alarmMs < atMs) return;
      alarmMs = Infinity;
      serve();
    });
  }

  return {
    get length() {
      return line.length;
    },
    wait(wanted, caller, found, untilMs) {
      if (caller.isGone()) return Promise.resolve(null);
      if (found.earliestMs === null || found.earliestMs > untilMs) return Promise.resolve(found);
      const { promise, resolve: settle } = Promise.withResolvers<Picked | NoKey | null>();
      const { clientKeyId, bodyBytes } = caller;
      const entry = { clientKeyId, bodyBytes, wanted, found, untilMs, settle };
      if (!line.join(entry)) return Promise.resolve(found);
      caller.onGone(() => {
        line.leave(entry);
        settle(null);
      });
      serve();
      return promise;
    },
    serve,
  };
}

function nameOf({ model, only }: Waitable): string {
  return `${only ?? ''} ${model}`;
}

/** What finds no key finds none for more either. */
function needOf({ tokens = 0, isUncounted = false }: Waitable): number {
  return isUncounted ? -1 : tokens;
}

function isNoKey(found: object): found is NoKey {
  return 'reasons' in found;
}
