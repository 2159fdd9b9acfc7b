import type { Middleware } from 'koa';
import { ApiError } from '../formats/api-error.ts';

const endpoints = [
  'POST /v1/chat/completions',
  'POST /v1/responses',
  'GET /v1/responses/{id}',
  'GET /v1/models',
  'GET /v1/models/{model}',
];

/** The last middleware: whatever no route answered. Says where the API is, as a wrong base URL is the usual cause. */
export function notFound(): Middleware {
  return function answerNotFound(ctx) {
    // A known path with another method is the affair of `allowedMethods`.
    const { matched = [] } = ctx as { matched?: { methods: string[] }[] };
    if (matched.some(({ methods }) => methods.length > 0)) return;
    const baseUrl = `${ctx.protocol}://${ctx.host}/v1`;
    throw new ApiError(
      404,
      'unknown_url',
      `Nothing answers ${ctx.method} ${ctx.path}. The base URL for clients is ${baseUrl}; it has ${endpoints.join(', ')}.`,
    );
  };
}

/** 405 with `Allow` for a known path that is called with another method. Sits around the routes. */
export function methodNotAllowed(): Middleware {
  return async function refuseMethod(ctx, next) {
    await next();
    if (ctx.status !== 405 && ctx.status !== 501) return;
    const allowed = ctx.response.get('allow');
    throw new ApiError(405, 'method_not_allowed', `${ctx.path} takes ${allowed}, not ${ctx.method}.`);
  };
}
