import { orAborted } from './or-aborted.ts';

/** A limit of how many tasks run at once; a bounded number of others waits in the order of coming. */
export interface Slots {
  /**
   * Runs a task when its turn has come.
   * @throws SlotsFull when too many wait already; the signal's reason when it aborts before the task's turn.
   */
  run<T>(task: () => Promise<T>, signal: AbortSignal): Promise<T>;
}

export class SlotsFull extends Error {
  override name = 'SlotsFull';
}

export function createSlots(runningMax: number, waitingMax: number): Slots {
  let running = 0;
  const waiting = new Set<() => void>();

  async function take(signal: AbortSignal): Promise<void> {
    signal.throwIfAborted();
    if (running < runningMax) {
      running++;
      return;
    }
    if (waiting.size >= waitingMax) throw new SlotsFull();
    const { promise: turn, resolve: start } = Promise.withResolvers<void>();
    waiting.add(start);
    try {
      await orAborted(turn, signal);
    } catch (reason) {
      // The slot may have been handed over in the very moment of the abort.
      if (!waiting.delete(start)) give();
      throw reason;
    }
  }

  function give(): void {
    const [next] = waiting;
    if (!next) running--;
    else {
      waiting.delete(next);
      next();
    }
  }

  return {
    async run(task, signal) {
      await take(signal);
      try {
        return await task();
      } finally {
        give();
      }
    },
  };
}
