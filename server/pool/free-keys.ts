/** Clients name models freely; more of them than this are looked up anew. */
const modelsMax = 200;

/**
 * The keys that are free for a model, kept from request to request: in a large pool most keys may rest, and no request should have to
 * look at them.
 */
export interface FreeKeys<Key> {
  /** Those that may be free, in no order. @param nowMs Wall clock, ms since 1970. */
  of(model: string, nowMs: number): readonly Key[];
  /** When the first of the others wakes, ms since 1970; infinity for never. To be asked after `of`. */
  nextWakeMs(model: string): number;
  /** A key of `of` was found not to be free. */
  noteHeld(model: string, key: Key, nowMs: number): void;
  /** To be called after any change of a key, the end of a rest excepted. */
  noteChange(key: Key): void;
}

interface Sleeper<Key> {
  key: Key;
  wakesAtMs: number;
}

interface OfModel<Key> {
  free: Key[];
  /** The one that wakes first comes last. */
  sleepers: Sleeper<Key>[];
  changed: Set<Key>;
}

/**
 * @param all The keys of the pool.
 * @param has Whether a key is still in it.
 * @param wakeTime When a key will be free for a model; null for one that is, infinity for one that nothing but a change will free.
 */
export function createFreeKeys<Key>(
  all: () => Iterable<Key>,
  has: (key: Key) => boolean,
  wakeTime: (key: Key, model: string, nowMs: number) => number | null,
): FreeKeys<Key> {
  const byModel = new Map<string, OfModel<Key>>();

  function lookUp(model: string, nowMs: number): OfModel<Key> {
    const found: OfModel<Key> = { free: [], sleepers: [], changed: new Set() };
    for (const key of all()) {
      const wakesAtMs = wakeTime(key, model, nowMs);
      if (wakesAtMs === null) found.free.push(key);
      else found.sleepers.push({ key, wakesAtMs });
    }
    found.sleepers.sort((a, b) => b.wakesAtMs - a.wakesAtMs);
    if (byModel.size >= modelsMax) byModel.clear();
    byModel.set(model, found);
    return found;
  }

  /** Puts a key that is in neither list where it belongs. */
  function place(known: OfModel<Key>, key: Key, model: string, nowMs: number): void {
    const wakesAtMs = wakeTime(key, model, nowMs);
    if (wakesAtMs === null) known.free.push(key);
    else known.sleepers.splice(placeOf(known.sleepers, wakesAtMs), 0, { key, wakesAtMs });
  }

  function takeInChanges(known: OfModel<Key>, model: string, nowMs: number): void {
    if (known.changed.size === 0) return;
    const { changed } = known;
    known.changed = new Set();
    known.free = known.free.filter((key) => !changed.has(key));
    known.sleepers = known.sleepers.filter(({ key }) => !changed.has(key));
    for (const key of changed) if (has(key)) place(known, key, model, nowMs);
  }

  return {
    of(model, nowMs) {
      const known = byModel.get(model);
      if (!known) return lookUp(model, nowMs).free;
      takeInChanges(known, model, nowMs);
      for (let next = known.sleepers.at(-1); next && next.wakesAtMs <= nowMs; next = known.sleepers.at(-1)) {
        known.sleepers.pop();
        place(known, next.key, model, nowMs);
      }
      return known.free;
    },
    nextWakeMs: (model) => byModel.get(model)?.sleepers.at(-1)?.wakesAtMs ?? Infinity,
    noteHeld(model, key, nowMs) {
      const known = byModel.get(model);
      const index = known?.free.indexOf(key) ?? -1;
      if (!known || index < 0) return;
      const last = known.free.pop() as Key;
      if (last !== key) known.free[index] = last;
      place(known, key, model, nowMs);
    },
    noteChange(key) {
      for (const known of byModel.values()) known.changed.add(key);
    },
  };
}

/** Where a sleeper that wakes at a time belongs among those sorted by falling times. */
function placeOf(sleepers: readonly { wakesAtMs: number }[], wakesAtMs: number): number {
  let from = 0;
  let to = sleepers.length;
  while (from < to) {
    const middle = (from + to) >> 1;
    if ((sleepers[middle] as { wakesAtMs: number }).wakesAtMs > wakesAtMs) from = middle + 1;
    else to = middle;
  }
  return from;
}
