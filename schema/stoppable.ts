/** A generator that waits cannot be returned from outside: ending the subscription aborts its signal instead. */
export function stoppable<Value>(start: (signal: AbortSignal) => AsyncGenerator<Value>): AsyncIterableIterator<Value> {
  const stop = new AbortController();
  const source = start(stop.signal);
  return {
    next: () => source.next(),
    return() {
      stop.abort();
      return source.return(undefined);
    },
    throw(error) {
      stop.abort();
      return source.throw(error);
    },
    [Symbol.asyncIterator]() {
      return this;
    },
  };
}
