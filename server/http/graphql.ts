import Router from '@koa/router';
import {
  type ASTVisitor,
  GraphQLError,
  type GraphQLSchema,
  NoSchemaIntrospectionCustomRule,
  parse,
  type ValidationContext,
} from 'graphql';
import { createYoga, type Plugin } from 'graphql-yoga';
import koaJwt from 'koa-jwt';
import type { Context, Services } from '../../schema/context.ts';
import { tokenAlgorithm } from '../admin/admin.ts';
import type { TrustedProxies } from '../config.ts';
import { ApiError } from '../formats/api-error.ts';
import { clientAddress } from './client-address.ts';
import { readBody } from './read-body.ts';
import { refreshCookie } from './refresh-cookie.ts';

const bodyBytesMax = 1_000_000;
const tokensMax = 1000;
const aliasesMax = 15;

export interface GraphqlParts {
  schema: GraphQLSchema;
  services: Services;
  jwtSecret: string;
  trustedProxies: TrustedProxies;
}

export type GraphqlYoga = ReturnType<typeof createGraphql>;

/** The schema with its limits, for POST and for WebSockets. */
export function createGraphql({ schema }: Pick<GraphqlParts, 'schema'>) {
  return createYoga<Context>({
    schema,
    graphqlEndpoint: '/graphql',
    batching: false,
    // Yoga would let the pages of every site call it, with cookies.
    cors: false,
    graphiql: false,
    landingPage: false,
    logging: false,
    plugins: [limitDocuments(), introspectionForSignedIn()],
  });
}

/** `POST /graphql`: queries and mutations as JSON, subscriptions as server-sent events. Who asks is told by a Bearer token. */
export function graphqlRoutes(yoga: GraphqlYoga, { services, jwtSecret, trustedProxies }: GraphqlParts): Router {
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

/** Long documents and repeated fields cost more to check than to answer. */
function limitDocuments(): Plugin<Context> {
  return {
    onParse({ setParseFn }) {
      setParseFn((source) => parse(source, { maxTokens: tokensMax }));
    },
    onValidate({ addValidationRule }) {
      addValidationRule((context: ValidationContext): ASTVisitor => {
        let aliases = 0;
        return {
          Field(node) {
            if (node.alias && ++aliases === aliasesMax + 1) {
              context.reportError(new GraphQLError(`At most ${aliasesMax} aliases are allowed.`, { nodes: node }));
            }
          },
        };
      });
    },
  };
}

function introspectionForSignedIn(): Plugin<Context> {
  return {
    onValidate({ addValidationRule, context }) {
      if (!context.viewer) addValidationRule(NoSchemaIntrospectionCustomRule);
    },
  };
}
