import type { IncomingMessage } from 'node:http';
import type { Duplex } from 'node:stream';
import type { ExecutionArgs } from 'graphql';
import { CloseCode } from 'graphql-ws';
import { useServer } from 'graphql-ws/use/ws';
import { WebSocketServer } from 'ws';
import type { Context } from '../../schema/context.ts';
import { clientAddress } from './client-address.ts';
import type { GraphqlYoga } from './create-graphql.ts';
import type { GraphqlParts, LoadGraphql } from './graphql.ts';
import { isWebSocket } from './refuse-websockets.ts';

/** Subscriptions over WebSockets at `/graphql` (graphql-transport-ws), for who is signed in. */
export interface GraphqlSocket {
  /** Whether this is a wish for a WebSocket of ours. */
  isForUs(request: IncomingMessage): boolean;
  /** Takes over a connection for which `isForUs` holds, or ends it when there are too many. */
  upgrade(request: IncomingMessage, socket: Duplex, head: Buffer): void;
  /** Says goodbye to everybody; their clients come back to the next server. */
  close(): Promise<void>;
}

const frameBytesMax = 100_000;
const connectionsMax = 200;
const initWithinMs = 5000;
const keepAliveMs = 20_000;

export function createGraphqlSocket(load: LoadGraphql, { services, trustedProxies }: GraphqlParts): GraphqlSocket {
  const server = new WebSocketServer({ noServer: true, maxPayload: frameBytesMax });
  const viewerOf = (parameters: Readonly<Record<string, unknown>> | undefined) =>
    typeof parameters?.token === 'string' ? services.admin.verifyToken(parameters.token) : null;

  const served = useServer<{ token?: unknown }>(
    {
      connectionInitWaitTimeout: initWithinMs,
      onConnect: ({ connectionParams, extra }) => {
        const viewer = viewerOf(connectionParams);
        if (!viewer) return false;
        // The connection lives as long as its token; the client comes back with a new one.
        const timer = setTimeout(
          () => extra.socket.close(CloseCode.Forbidden, 'Forbidden'),
          viewer.expiresAt - Date.now(),
        );
        extra.socket.once('close', () => clearTimeout(timer));
        return true;
      },
      onSubscribe: async ({ connectionParams, extra }, _id, payload) => {
        const yoga = await load();
        const { schema, contextFactory, parse, validate, execute, subscribe } = yoga.getEnveloped({
          // Asked again each time: a session may have been revoked meanwhile.
          viewer: viewerOf(connectionParams),
          address: clientAddress(extra.request, trustedProxies),
          services,
          refreshCookie: noCookie,
        });
        const document = parse(payload.query);
        const problems = validate(schema, document);
        if (problems.length > 0) return problems;
        return {
          schema,
          document,
          operationName: payload.operationName,
          variableValues: payload.variables,
          contextValue: await contextFactory(),
          rootValue: { execute, subscribe },
        } as ExecutionArgs;
      },
      execute: (args) => (args.rootValue as Enveloped).execute(args),
      subscribe: (args) => (args.rootValue as Enveloped).subscribe(args),
    },
    server,
    keepAliveMs,
  );

  let closed: Promise<void> | null = null;
  return {
    isForUs: ({ url, headers }) => url?.split('?')[0] === '/graphql' && isWebSocket(headers),
    upgrade(request, socket, head) {
      if (server.clients.size >= connectionsMax) {
        socket.end('HTTP/1.1 503 Service Unavailable\r\nconnection: close\r\ncontent-length: 0\r\n\r\n');
        return;
      }
      server.handleUpgrade(request, socket, head, (accepted) => server.emit('connection', accepted, request));
    },
    close() {
      closed ??= Promise.resolve(served.dispose());
      return closed;
    },
  };
}

type Enveloped = ReturnType<GraphqlYoga['getEnveloped']>;

/** A socket carries a token, and nothing can be put into its cookies. */
const noCookie: Context['refreshCookie'] = { read: () => null, write: () => {} };
