import { randomBytes } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import Router from '@koa/router';
import { send } from '@koa/send';
import { contentSecurityPolicy } from 'helmet';
import type { Context } from 'koa';

const assetMaxAgeMs = 365 * 24 * 3_600_000;

/**
 * The dashboard's page at `/` and below `/app`, and its files. HTML is answered nowhere else.
 * @param folder The built dashboard. Without it the page says how to build it.
 */
export function dashboardRoutes(folder: string): Router {
  const router = new Router();
  const template = readTemplate(join(folder, 'index.html'));
  const answerPage = async (ctx: Context) => {
    const nonce = randomBytes(16).toString('base64');
    await setSecurityHeaders(ctx, nonce);
    ctx.set('cache-control', 'no-cache');
    ctx.type = 'html';
    ctx.body = template.replaceAll('__CSP_NONCE__', nonce);
  };
  router.get(['/', '/app', '/app/{*path}'], answerPage);
  router.get('/assets/{*path}', async (ctx) => {
    ctx.set('x-content-type-options', 'nosniff');
    // File names carry a hash of their content, so they never change.
    await send(ctx, ctx.path, { root: folder, immutable: true, maxAge: assetMaxAgeMs });
  });
  router.get('/favicon.svg', (ctx) => send(ctx, '/favicon.svg', { root: folder }));
  return router;
}

function readTemplate(file: string): string {
  try {
    return readFileSync(file, 'utf8');
  } catch {
    return '<!doctype html><title>gemini-pool</title><p>The dashboard is not built. Run: npm run build</p>';
  }
}

/** Nothing but the page's own files may load; styles that the UI parts insert carry the nonce. */
function setSecurityHeaders(ctx: Context, nonce: string): Promise<void> {
  const policy = contentSecurityPolicy({
    useDefaults: false,
    directives: {
      defaultSrc: ["'none'"],
      scriptSrc: ["'self'"],
      styleSrc: ["'self'", `'nonce-${nonce}'`],
      imgSrc: ["'self'", 'data:'],
      fontSrc: ["'self'"],
      connectSrc: ["'self'", `ws://${ctx.host}`, `wss://${ctx.host}`],
      baseUri: ["'self'"],
      formAction: ["'self'"],
      frameAncestors: ["'none'"],
    },
  });
  ctx.set({
    'x-content-type-options': 'nosniff',
    'referrer-policy': 'no-referrer',
    'cross-origin-opener-policy': 'same-origin',
  });
  return new Promise((resolve, reject) => {
    policy(ctx.req, ctx.res, (error?: unknown) => (error ? reject(error as Error) : resolve()));
  });
}
