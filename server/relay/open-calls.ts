/** What is being answered now, with the place it has in the list. */
export interface OpenCall {
  place: number;
}

/** A bag with a fast way in and out. */
export interface OpenCalls<Call extends OpenCall> {
  add(call: Call): void;
  remove(call: Call): void;
  count(): number;
  all(): readonly Call[];
}

/**
 * Not a `Set`: with every few changes V8 gives it a new table that the old one still points to, so that once a table has grown old each
 * finished request stays in memory until the next full garbage collection.
 */
export function createOpenCalls<Call extends OpenCall>(): OpenCalls<Call> {
  const calls: Call[] = [];
  return {
    add(call) {
      call.place = calls.length;
      calls.push(call);
    },
    remove(call) {
      const last = calls.pop();
      if (!last || last === call) return;
      calls[call.place] = last;
      last.place = call.place;
    },
    count: () => calls.length,
    all: () => [...calls],
  };
}
