/** Somebody who waits for a key. */
export interface Waiter {
  clientKeyId: string;
  /** What it holds in memory. */
  bodyBytes: number;
}

/** Who waits for a key, in fair order: client by client in turn, and first come first served among the requests of one client. */
export interface WaitingLine<Entry extends Waiter> {
  readonly length: number;
  /** False: too many wait already, in all or of this client, or too much. */
  join(entry: Entry): boolean;
  leave(entry: Entry): void;
  /**
   * Goes through the line as often as somebody is served: of each client the first who can be served is, and the client goes to the end.
   * @param serve Whether an entry was served; it has left the line by then.
   */
  serveInTurn(serve: (entry: Entry) => boolean): void;
  [Symbol.iterator](): Iterator<Entry>;
}

const lengthMax = 2000;
const lengthOfClientMax = 500;
/** Of all requests that wait; one alone may be longer. */
const bytesMax = 256 * 1024 * 1024;

export function createWaitingLine<Entry extends Waiter>(): WaitingLine<Entry> {
  /** Who is served next comes first. */
  const clients = new Map<string, Set<Entry>>();
  let length = 0;
  let bytes = 0;

  function leave(entry: Entry): void {
    const own = clients.get(entry.clientKeyId);
    if (!own?.delete(entry)) return;
    length--;
    bytes -= entry.bodyBytes;
    if (own.size === 0) clients.delete(entry.clientKeyId);
  }

  /** Serves one of a client. */
  function serveOne(entries: ReadonlySet<Entry>, serve: (entry: Entry) => boolean): boolean {
    for (const entry of entries) {
      if (!serve(entry)) continue;
      leave(entry);
      return true;
    }
    return false;
  }

  return {
    get length() {
      return length;
    },
    join(entry) {
      const own = clients.get(entry.clientKeyId) ?? new Set();
      const isTooLarge = length > 0 && bytes + entry.bodyBytes > bytesMax;
      if (isTooLarge || length >= lengthMax || own.size >= lengthOfClientMax) return false;
      clients.set(entry.clientKeyId, own.add(entry));
      length++;
      bytes += entry.bodyBytes;
      return true;
    },
    leave,
    serveInTurn(serve) {
      for (let isServed = true; isServed; ) {
        isServed = false;
        for (const [client, entries] of [...clients]) {
          if (!serveOne(entries, serve)) continue;
          isServed = true;
          // Its turn is over.
          if (clients.delete(client) && entries.size > 0) clients.set(client, entries);
        }
      }
    },
    *[Symbol.iterator]() {
      for (const entries of clients.values()) yield* entries;
    },
  };
}
