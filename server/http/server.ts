import { createServer, type RequestListener, type Server, type ServerResponse, STATUS_CODES } from 'node:http';
import type { Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import { ApiError } from '../formats/api-error.ts';
import { renderOpenAiError } from '../formats/openai-chat/error.ts';
import type { GraphqlSocket } from './graphql-socket.ts';
import { newRequestId } from './request-id.ts';

/** What one connection may take before its request is complete. */
export interface ConnectionLimits {
  /** The head of a request: who sends it byte by byte is cut off. */
  headMsMax: number;
  /** The whole request: 100 MB at 1.3 Mbit/s. The answer may take any time; a thinking model does. */
  requestMsMax: number;
  /** How often the two above are looked at. */
  checkMs: number;
}

const defaultLimits: ConnectionLimits = { headMsMax: 10_000, requestMsMax: 600_000, checkMs: 2000 };

/** Agents send 32 KB of their own headers, proxies add some. Beyond it: 431. */
const headBytesMax = 65_536;
/** Node drops further ones. */
const headersMax = 1000;
/** Longer than the 60 to 75 s after which common proxies and clients drop an idle connection: else a request could meet our closing. */
const idleMsMax = 90_000;

/** The HTTP server in front of the gateway. WebSockets are for the dashboard alone; any other wish for an upgrade (Java asks for h2c) is ignored. */
export function createHttpServer(answer: RequestListener, socket: GraphqlSocket, limits = defaultLimits): Server {
  const server = createServer(
    {
      maxHeaderSize: headBytesMax,
      headersTimeout: limits.headMsMax,
      requestTimeout: limits.requestMsMax,
      connectionsCheckingInterval: limits.checkMs,
      keepAliveTimeout: idleMsMax,
      shouldUpgradeCallback: socket.isForUs,
    },
    answer,
  );
  server.maxHeadersCount = headersMax;
  server.on('upgrade', socket.upgrade);
  server.on('clientError', refuseMalformed);
  return server;
}

/** Lets a server end: to be asked again and again until it is closed. */
export interface Connections {
  /**
   * Closes those on which nothing is on its way: neither a request that is being answered, nor bytes to a slow reader (Node's own
   * `closeIdleConnections` takes an answer for sent that still waits in memory). What is being answered is told to be the last.
   */
  windDown(): void;
}

/** Follows the connections of a server. */
export function followConnections(server: Server): Connections {
  const sockets = new Set<Socket & { _httpMessage?: ServerResponse | null }>();
  server.on('connection', (socket) => {
    sockets.add(socket);
    socket.once('close', () => sockets.delete(socket));
  });
  return {
    windDown() {
      for (const socket of sockets) {
        const { _httpMessage: answering } = socket;
        if (answering) answering.shouldKeepAlive = false;
        else if (socket.writableLength === 0) socket.destroy();
      }
    },
  };
}

const malformed: Record<string, ApiError> = {
  HPE_HEADER_OVERFLOW: new ApiError(431, 'headers_too_large', `The headers are longer than ${headBytesMax} bytes.`),
  ERR_HTTP_REQUEST_TIMEOUT: new ApiError(408, 'request_timeout', 'The request did not arrive in time.'),
};

/** What is no HTTP never reaches the routes; it gets an answer all the same, unless one is on its way already. */
function refuseMalformed(error: NodeJS.ErrnoException, socket: Duplex & { _httpMessage?: ServerResponse }): void {
  const answering = socket._httpMessage;
  // It came behind a whole request that waits for its answer: a refusal would be taken for that answer, which is now the last one here.
  if (answering?.req.complete && !answering.headersSent) {
    answering.shouldKeepAlive = false;
    return;
  }
  if (!socket.writable || answering?.headersSent) {
    socket.destroy(error);
    return;
  }
  const refusal =
    malformed[error.code ?? ''] ?? new ApiError(400, 'malformed_request', 'This is not a valid HTTP request.');
  const body = JSON.stringify(renderOpenAiError(refusal));
  const head = [
    `HTTP/1.1 ${refusal.status} ${STATUS_CODES[refusal.status]}`,
    `x-request-id: ${newRequestId()}`,
    'content-type: application/json; charset=utf-8',
    `content-length: ${Buffer.byteLength(body)}`,
    'connection: close',
  ];
  socket.write(`${head.join('\r\n')}\r\n\r\n${body}`);
  socket.destroy(error);
}
