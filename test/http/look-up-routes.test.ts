import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import Router from '@koa/router';
import Koa, { type Context, type Next } from 'koa';
import { expect, onTestFinished, test } from 'vitest';
import { lookUpRoutes } from '../../server/http/look-up-routes.ts';

async function startKoa(): Promise<string> {
  const koa = new Koa();
  const router = new Router({ prefix: '/v1' });
  const step = async (ctx: Context, next: Next) => {
    ctx.set('before', 'the answer');
    await next();
    ctx.set('after', String(ctx.body));
  };
  router.post('/chat', step, (ctx) => {
    ctx.body = 'chat';
  });
  router.post('/closed', (ctx) => {
    ctx.throw(418);
  });
  router.get('/chat/:id', (ctx) => {
    ctx.body = ctx.params.id;
  });
  koa.silent = true;
  koa.use(lookUpRoutes(router));
  koa.use((ctx) => {
    ctx.body = `${ctx.method} ${ctx.path} is left to others`;
  });
  const server = createServer(koa.callback()).listen(0, '127.0.0.1');
  onTestFinished(() => void server.close());
  await once(server, 'listening');
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

test('a route without parameters is found, and all of its steps are taken', async () => {
  const url = await startKoa();
  const answer = await fetch(`${url}/v1/chat?a=b`, { method: 'POST' });
  expect(await answer.text()).toBe('chat');
  expect(answer.headers.get('before')).toBe('the answer');
  expect(answer.headers.get('after')).toBe('chat');
});

test('what a step throws reaches those before it', async () => {
  expect((await fetch(`${await startKoa()}/v1/closed`, { method: 'POST' })).status).toBe(418);
});

test.each([
  ['GET', '/v1/chat'],
  ['GET', '/v1/chat/7'],
  ['POST', '/v1/chat/'],
  ['POST', '/chat'],
])('%s %s is left to others', async (method, path) => {
  const answer = await fetch(`${await startKoa()}${path}`, { method });
  expect(await answer.text()).toBe(`${method} ${path} is left to others`);
});
