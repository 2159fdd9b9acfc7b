import type { Context as KoaContext } from 'koa';
import type { RefreshCookie } from '../../schema/context.ts';
import type { TrustedProxies } from '../config.ts';
import { isSecure } from './client-address.ts';

const name = 'gemini_pool_session';
const maxAgeMs = 30 * 24 * 3_600_000;

/** The cookie of a call: no script can read it, no other site can send it. */
export function refreshCookie(ctx: KoaContext, trustedProxies: TrustedProxies): RefreshCookie {
  const options = {
    httpOnly: true,
    sameSite: 'strict',
    path: '/graphql',
    secure: isSecure(ctx.req, trustedProxies),
    overwrite: true,
  } as const;
  // Koa would refuse a secure cookie behind a proxy that ends TLS.
  ctx.cookies.secure = options.secure;
  return {
    // Browsers tell where a call comes from; older ones still keep the cookie back by SameSite.
    read: () => (isFromElsewhere(ctx) ? null : (ctx.cookies.get(name) ?? null)),
    write: (refreshToken) => {
      ctx.cookies.set(name, refreshToken, { ...options, maxAge: maxAgeMs });
    },
  };
}

function isFromElsewhere(ctx: KoaContext): boolean {
  const site = ctx.get('sec-fetch-site');
  return site !== '' && site !== 'same-origin' && site !== 'none';
}
