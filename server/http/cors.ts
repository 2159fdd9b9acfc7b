import cors from '@koa/cors';
import type { Middleware } from 'koa';
import { isApiPath } from './endpoints.ts';

const preflightSecondsMax = 86_400;

/** Of Google's uploads; what follows the first call goes where it says. */
const uploadHeaders = ['url', 'status', 'size-received', 'chunk-granularity'].map((what) => `x-goog-upload-${what}`);

/** What browsers let the pages of other sites read beside the body. They know no wildcard within a name. */
const exposedHeaders = [
  'x-request-id',
  'request-id',
  'x-client-request-id',
  'retry-after',
  'retry-after-ms',
  'x-should-retry',
  'openai-processing-ms',
  'x-ignored-params',
  'x-pool-model',
  ...uploadHeaders,
  ...['limit', 'remaining', 'reset'].flatMap((what) => [`x-ratelimit-${what}-requests`, `x-ratelimit-${what}-tokens`]),
];

/**
 * Lets the pages of any site call the API, with a client key and never with cookies (so no page gains what its visitor is allowed). The
 * dashboard and its admin API stay closed. Other clients send no `origin` and are spared the headers.
 */
export function allowBrowsers(): Middleware {
  const allow = cors({
    origin: (ctx) => (isApiPath(ctx.path) && ctx.get('origin') ? '*' : ''),
    exposeHeaders: exposedHeaders,
    maxAge: preflightSecondsMax,
    privateNetworkAccess: true,
    // They are set before anything can fail, and errors keep what is set.
    keepHeadersOnError: false,
  });
  return function allowBrowser(ctx, next) {
    // What is posted is not cached, so without an origin there is nothing to say: most calls are such.
    return ctx.method === 'POST' && ctx.headers.origin === undefined ? next() : allow(ctx, next);
  };
}
