import Router from '@koa/router';
import koaJwt from 'koa-jwt';
import type { Services } from '../../schema/context.ts';
import { tokenAlgorithm } from '../admin/admin.ts';
import type { TrustedProxies } from '../config.ts';
import { ApiError } from '../formats/api-error.ts';
import { clientAddress } from './client-address.ts';
import type { GraphqlYoga } from './create-graphql.ts';
import { readBody } from './read-body.ts';
import { refreshCookie } from './refresh-cookie.ts';

const bodyBytesMax = 1_000_000;

export interface GraphqlParts {
  services: Services;
  jwtSecret: string;
  trustedProxies: TrustedProxies;
}

/** The admin API: it is made when it is first asked for, or when there is nothing else to do. It takes as long to load as all the rest. */
export type LoadGraphql = () => Promise<GraphqlYoga>;

export function lazyGraphql(): LoadGraphql {
  let loading: Promise<GraphqlYoga> | null = null;
  return () => {
    loading ??= import('./create-graphql.ts').then(({ createGraphql }) => createGraphql());
    return loading;
  };
}

/** `POST /graphql`: queries and mutations as JSON, subscriptions as server-sent events. Who asks is told by a Bearer token. */
export function graphqlRoutes(load: LoadGraphql, { services, jwtSecret, trustedProxies }: GraphqlParts): Router {
  const router = new Router();
  // The schema decides who may what; a bad token is the same as none.
  router.use('/graphql', koaJwt({ secret: jwtSecret, algorithms: [tokenAlgorithm], passthrough: true }));
  router.post('/graphql', async (ctx) => {
    if (!ctx.is('application/json')) {
      // A page of another site can send forms, but not JSON without asking first.
      throw new ApiError(415, 'unsupported_media_type', 'Send content-type: application/json.');
    }
    // Yoga would read on for as long as somebody sends. Without a body it says itself what is missing.
    const body = (await readBody(ctx.req, bodyBytesMax)).toString() || '{}';
    const yoga = await load();
    ctx.respond = false;
    ctx.set(ctx.state.headers);
    await yoga.handle(Object.assign(ctx.req, { body }), ctx.res, {
      viewer: services.admin.viewerOf(ctx.state.user),
      address: clientAddress(ctx.req, trustedProxies),
      refreshCookie: refreshCookie(ctx, trustedProxies),
      services,
    });
  });
  return router;
}
