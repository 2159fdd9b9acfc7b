/** Time that passes only when nothing is left to do at the present moment. */
export interface VirtualTime {
  /** ms since 1970. */
  now(): number;
  sleep(ms: number): Promise<void>;
  /** Does what is due until then, in order, each with all that follows from it at once. */
  runUntil(endMs: number): Promise<void>;
}

interface Alarm {
  atMs: number;
  /** Alarms of the same time ring in the order in which they were set. */
  number: number;
  ring(): void;
}

export function createVirtualTime(startMs: number): VirtualTime {
  const alarms: Alarm[] = [];
  let nowMs = startMs;
  let count = 0;
  return {
    now: () => nowMs,
    sleep: (ms) =>
      new Promise((ring) => push(alarms, { atMs: nowMs + Math.max(0, ms), number: ++count, ring: () => ring() })),
    async runUntil(endMs) {
      await settled();
      for (let next = alarms[0]; next && next.atMs <= endMs; next = alarms[0]) {
        nowMs = next.atMs;
        pop(alarms);
        next.ring();
        await settled();
      }
      nowMs = Math.max(nowMs, endMs);
    },
  };
}

/** All promises that can go on have gone on. */
function settled(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}

function isBefore(a: Alarm, b: Alarm): boolean {
  return a.atMs < b.atMs || (a.atMs === b.atMs && a.number < b.number);
}

/** A binary heap: the earliest comes first. */
function push(heap: Alarm[], alarm: Alarm): void {
  let place = heap.push(alarm) - 1;
  while (place > 0) {
    const parent = (place - 1) >> 1;
    if (!isBefore(alarm, heap[parent] as Alarm)) break;
    heap[place] = heap[parent] as Alarm;
    place = parent;
  }
  heap[place] = alarm;
}

function pop(heap: Alarm[]): void {
  const last = heap.pop();
  if (!last || heap.length === 0) return;
  let place = 0;
  for (let child = 1; child < heap.length; child = 2 * place + 1) {
    const right = heap[child + 1];
    if (right && isBefore(right, heap[child] as Alarm)) child++;
    if (!isBefore(heap[child] as Alarm, last)) break;
    heap[place] = heap[child] as Alarm;
    place = child;
  }
  heap[place] = last;
}
