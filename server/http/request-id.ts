import { randomUUIDv7 } from 'node:crypto';
import type { Middleware } from 'koa';

/** A new request id: `req_` and 32 hex digits that sort by time. */
export function newRequestId(): string {
  return `req_${randomUUIDv7().replaceAll('-', '')}`;
}

/** Gives every request its id, in `ctx.state.requestId` and in the answer's `x-request-id`. */
export function requestId(): Middleware {
  return function giveRequestId(ctx, next) {
    ctx.state.requestId = newRequestId();
    ctx.set('x-request-id', ctx.state.requestId);
    return next();
  };
}
