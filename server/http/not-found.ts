import type { Middleware } from 'koa';
import type { TrustedProxies } from '../config.ts';
import { ApiError } from '../formats/api-error.ts';
import { isSecure } from './client-address.ts';
import { describeEndpoint, type Endpoint } from './endpoints.ts';

/** The last middleware: whatever no route answered. Says what there is and where it is, as a wrong base URL is the usual cause. */
export function notFound(endpoints: readonly Endpoint[], trustedProxies: TrustedProxies): Middleware {
  const list = endpoints.map(describeEndpoint).join(', ');
  return function answerNotFound(ctx) {
    // A known path with another method is the affair of `allowedMethods`.
    const { matched = [] } = ctx as { matched?: { methods: string[] }[] };
    if (matched.some(({ methods }) => methods.length > 0)) return;
    const origin = `${isSecure(ctx.req, trustedProxies) ? 'https' : 'http'}://${ctx.host}`;
    const base = `The base URL for OpenAI clients is ${origin}/v1, for Anthropic and Gemini clients ${origin}`;
    const pasted = endpoints.find(({ path }) => ctx.path.startsWith(`${path}/`));
    throw new ApiError(
      404,
      'unknown_url',
      pasted
        ? `Nothing answers ${ctx.method} ${ctx.path}: the client's base URL seems to end with ${pasted.path}, which it adds itself. ${base}.`
        : `Nothing answers ${ctx.method} ${ctx.path}. ${base}; there are ${list}.`,
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
