import type { SubscriptionOperation } from '@urql/core';
import { createClient } from 'graphql-ws';
import { readonly, shallowReactive } from 'vue';
import { freshToken } from './session.ts';

const pingEveryMs = 10_000;
const pongWithinMs = 5000;
const reconnectMsMax = 5000;
const resubscribeMs = 1500;

const state = shallowReactive({
  isConnected: false,
  /** When the server was last heard, ms since 1970; 0 for never. */
  heardAt: 0,
  /** How often the connection came back. What was shown before may have missed something. */
  reconnects: 0,
});
let hasConnected = false;
let pongTimer: ReturnType<typeof setTimeout> | undefined;

/** What is known about the live connection. */
export const live = readonly(state);

const socket = createClient({
  url: () => `${location.origin.replace(/^http/, 'ws')}/graphql`,
  connectionParams: () => freshToken().then(toParams, () => toParams(null)),
  // By default a server that goes away without a goodbye ends everything.
  shouldRetry: () => true,
  retryAttempts: Number.POSITIVE_INFINITY,
  retryWait: (retries) => pause(Math.min(reconnectMsMax, 250 * 2 ** retries) * (0.75 + Math.random() / 2)),
  keepAlive: pingEveryMs,
  lazyCloseTimeout: 2000,
  on: {
    connected() {
      if (hasConnected) state.reconnects++;
      hasConnected = true;
      state.isConnected = true;
      state.heardAt = Date.now();
    },
    closed() {
      clearTimeout(pongTimer);
      state.isConnected = false;
    },
    message() {
      state.heardAt = Date.now();
    },
    ping(isFromServer) {
      // A network that vanished closes nothing: no answer in time is the only sign.
      if (!isFromServer) pongTimer = setTimeout(() => socket.terminate(), pongWithinMs);
    },
    pong(isFromServer) {
      if (isFromServer) clearTimeout(pongTimer);
    },
  },
});

interface Sink {
  next(value: unknown): void;
}

/**
 * Follows a subscription until told to stop. Subscriptions of the dashboard have no end of their own, so one that the
 * server ends or breaks, for example while it restarts, is opened again.
 */
export function follow({ query = '', variables }: SubscriptionOperation, sink: Sink): () => void {
  const payload = { query, variables: variables as Record<string, unknown> };
  let isStopped = false;
  let timer: ReturnType<typeof setTimeout> | undefined;
  let unsubscribe = () => {};
  const start = () => {
    unsubscribe = socket.subscribe(payload, { next: sink.next, error: startAgain, complete: startAgain });
  };
  const startAgain = () => {
    if (!isStopped) timer = setTimeout(start, resubscribeMs);
  };
  start();
  return () => {
    isStopped = true;
    clearTimeout(timer);
    unsubscribe();
  };
}

const toParams = (token: string | null) => ({ token });

function pause(delayMs: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, delayMs));
}
