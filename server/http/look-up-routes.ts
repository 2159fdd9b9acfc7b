import type Router from '@koa/router';
import type { Middleware } from 'koa';

/**
 * Finds those routes of a router whose paths have no parameters at once, by method and path; others are left to the router itself, which
 * tries path after path and puts the steps of a route together anew for every request. To be put before the routers, and only for routes
 * that do without what those put into the context.
 */
export function lookUpRoutes({ stack }: Router): Middleware {
  const routes = new Map<string, Middleware>();
  for (const { methods, path, paramNames, stack: steps } of stack) {
    if (paramNames.length > 0) continue;
    for (const method of methods) routes.set(`${method} ${path}`, inTurn(steps as Middleware[]));
  }
  return function lookUpRoute(ctx, next) {
    const answer = routes.get(`${ctx.method} ${ctx.path}`);
    return answer ? answer(ctx, next) : next();
  };
}

/** Several middlewares as one. */
function inTurn(steps: readonly Middleware[]): Middleware {
  return steps.reduceRight<Middleware>(
    (rest, step) => (ctx, next) => step(ctx, () => Promise.resolve(rest(ctx, next))),
    (_ctx, next) => next(),
  );
}
