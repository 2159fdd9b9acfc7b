import Router from '@koa/router';

/** `/healthz`: the process lives. `/readyz`: it also takes requests; 503 while it drains. Both without secrets or login. */
export function healthRoutes(isReady: () => boolean): Router {
  const router = new Router();
  router.get('/healthz', (ctx) => {
    ctx.body = { status: 'ok' };
  });
  router.get('/readyz', (ctx) => {
    ctx.status = isReady() ? 200 : 503;
    ctx.body = { status: isReady() ? 'ready' : 'draining' };
  });
  return router;
}
