import type { Context, Middleware, Next } from 'koa';
import { ApiError } from '../formats/api-error.ts';
import { describeEndpoint, type Endpoint } from './endpoints.ts';

/** Where the caller reaches us, for example `https://pool.example`. */
type OriginOf = (ctx: Context) => string;

/** The last middleware: whatever no route answered. Says what there is and where it is, as a wrong base URL is the usual cause. */
export function notFound(endpoints: readonly Endpoint[], originOf: OriginOf): Middleware {
  const list = endpoints
    .filter(({ path }) => path.startsWith('/v1/'))
    .map(describeEndpoint)
    .join(', ');
  return function answerNotFound(ctx) {
    // A known path with another method is the affair of `allowedMethods`.
    const { matched = [] } = ctx as { matched?: { methods: string[] }[] };
    if (matched.some(({ methods }) => methods.length > 0)) return;
    const pasted = pastedEndpoint(ctx.path, endpoints);
    if (pasted) throw wrongBaseUrl(ctx, pasted, originOf);
    throw unknownUrl(ctx, `${baseUrls(originOf(ctx))}; there are ${list}.`);
  };
}

/** 405 with `Allow` for a known path that is called with another method. Sits around the routes. */
export function methodNotAllowed(endpoints: readonly Endpoint[], originOf: OriginOf): Middleware {
  const served = new Set(endpoints.flatMap(({ methods, path }) => methods.map((method) => `${method} ${path}`)));
  async function refuseMethod(ctx: Context, next: Next): Promise<void> {
    await next();
    if (ctx.status !== 405 && ctx.status !== 501) return;
    const pasted = pastedEndpoint(ctx.path, endpoints);
    if (pasted) throw wrongBaseUrl(ctx, pasted, originOf);
    const allowed = ctx.response.get('allow');
    throw new ApiError(405, 'method_not_allowed', `${ctx.path} takes ${allowed}, not ${ctx.method}.`);
  }
  // Most calls need no second look.
  return (ctx, next) => (served.has(`${ctx.method} ${ctx.path}`) ? next() : refuseMethod(ctx, next));
}

/** The endpoint that was set as a base URL, to which the client then added one: `/v1/chat/completions/chat/completions`. */
export function pastedEndpoint(path: string, endpoints: readonly Endpoint[]): string | undefined {
  const paths = new Set(endpoints.map((endpoint) => endpoint.path));
  return [...paths].find((base) => {
    const added = path.startsWith(`${base}/`) ? path.slice(base.length) : '';
    return paths.has(added) || paths.has(`/v1${added}`);
  });
}

function wrongBaseUrl(ctx: Context, pasted: string, originOf: OriginOf): ApiError {
  const cause = `The client's base URL seems to end with ${pasted}, where it adds an endpoint itself`;
  return unknownUrl(ctx, `${cause}. ${baseUrls(originOf(ctx))}.`);
}

function baseUrls(origin: string): string {
  return `The base URL for OpenAI clients is ${origin}/v1, for Anthropic and Gemini clients ${origin}`;
}

function unknownUrl({ method, path }: Context, more: string): ApiError {
  return new ApiError(404, 'unknown_url', `Nothing answers ${method} ${path}. ${more}`);
}
