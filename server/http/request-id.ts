import { randomUUIDv7 } from 'node:crypto';
import type { Middleware } from 'koa';

/** A new request id: `req_` and 32 hex digits that sort by time. */
export function newRequestId(): string {
  const uuid = randomUUIDv7();
  // Cut by places: `replaceAll` takes several times as long, at every request.
  return `req_${uuid.slice(0, 8)}${uuid.slice(9, 13)}${uuid.slice(14, 18)}${uuid.slice(19, 23)}${uuid.slice(24)}`;
}

/**
 * Gives every request its id, and every answer the headers that OpenAI's have. What the relay writes itself gets them from
 * `ctx.state.headers`: Node sets headers one by one at several times the cost of writing them with the status. The caller's own id,
 * `x-client-request-id`, comes back with the answer and is put into `ctx.state.clientRequestId`.
 */
export function requestId(): Middleware {
  return async function giveRequestId(ctx, next) {
    const startedAt = performance.now();
    const requestId = newRequestId();
    const headers: Record<string, string> = { 'x-request-id': requestId, 'openai-version': '2020-10-01' };
    ctx.state.requestId = requestId;
    ctx.state.headers = headers;
    // Where Anthropic's clients look for it.
    if (ctx.path.includes('/messages')) headers['request-id'] = requestId;
    const callersId = ctx.req.headers['x-client-request-id'];
    if (typeof callersId === 'string' && printable.test(callersId)) {
      ctx.state.clientRequestId = callersId;
      headers['x-client-request-id'] = callersId;
    }
    await next();
    if (ctx.respond === false) return;
    ctx.set(headers);
    ctx.set('openai-processing-ms', String(Math.round(performance.now() - startedAt)));
  };
}

/** Longer or other ids than OpenAI takes are left alone. */
const printable = /^[\x20-\x7e]{1,128}$/;
