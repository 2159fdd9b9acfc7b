import type { IncomingHttpHeaders } from 'node:http';
import type { Middleware } from 'koa';
import { ApiError } from '../formats/api-error.ts';
import { isApiPath } from './endpoints.ts';

/** Whether a request asks to become a WebSocket. */
export function isWebSocket({ upgrade }: IncomingHttpHeaders): boolean {
  return upgrade?.toLowerCase() === 'websocket';
}

/** Answers of the API stream over HTTP. Codex asks for a WebSocket first; of all statuses it takes 426 for a sign to use HTTP at once. */
export function refuseWebSockets(): Middleware {
  return function refuseWebSocket(ctx, next) {
    if (!isWebSocket(ctx.req.headers) || !isApiPath(ctx.path)) return next();
    ctx.set('upgrade', 'HTTP/1.1');
    throw new ApiError(426, 'websocket_not_supported', `${ctx.path} has no WebSocket; answers stream over HTTP.`);
  };
}
