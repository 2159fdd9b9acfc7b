import type { IncomingMessage } from 'node:http';
import { Readable } from 'node:stream';
import { finished } from 'node:stream/promises';
import type { Context, Middleware } from 'koa';
import type { Logger } from 'pino';
import { ApiError } from '../formats/api-error.ts';
import { LedgerUnavailable } from '../ledger/commands.ts';
import { errorShape, renderError } from './error-shape.ts';

/** How long a caller may go on sending a body that nobody reads, after it has been answered. */
const lingerMsMax = 10_000;

/** The one place where anything thrown becomes an answer: an error object in the shape of who asks, never a stack. */
export function answerErrors(log: Logger): Middleware {
  return async function answerError(ctx, next) {
    try {
      await next();
    } catch (thrown) {
      const error = toApiError(thrown);
      const { requestId } = ctx.state;
      if (error.status >= 500 && !(thrown instanceof ApiError)) {
        log.error({ requestId, err: thrown }, 'a request failed unexpectedly');
      }
      if (ctx.res.headersSent) {
        ctx.res.destroy();
        return;
      }
      const { status, body } = renderError(error, errorShape(ctx, ctx.query), requestId);
      ctx.respond = true;
      ctx.status = status;
      ctx.set(errorHeaders(error));
      ctx.body = body;
      if (!ctx.req.complete) linger(ctx, JSON.stringify(body));
    }
  };
}

/**
 * Answers at once, but closes only when the caller has stopped sending: a connection that is closed before is reset, and the caller may
 * never see the answer.
 */
function linger(ctx: Context, text: string): void {
  ctx.body = Readable.from(thenDrain(text, ctx.req));
  ctx.type = 'json';
  ctx.length = Buffer.byteLength(text);
  ctx.set('connection', 'close');
}

async function* thenDrain(text: string, request: IncomingMessage) {
  yield text;
  request.resume();
  await finished(request, { signal: AbortSignal.timeout(lingerMsMax) }).catch(() => {});
}

/** Any error as the caller may see it. Details of unexpected ones stay in the log. */
export function toApiError(thrown: unknown): ApiError {
  if (thrown instanceof ApiError) return thrown;
  if (thrown instanceof LedgerUnavailable) {
    return new ApiError(503, 'ledger_unavailable', 'The usage ledger cannot be written; nothing was sent upstream.', {
      retryAfterMs: 5000,
    });
  }
  return new ApiError(500, 'internal_error', 'The gateway failed; its log has the details under this request id.');
}

/** What the official clients obey: they wait `retry-after` up to a minute, and never retry on `x-should-retry: false`. */
export function errorHeaders(error: ApiError): Record<string, string> {
  const headers: Record<string, string> = {};
  if (error.retryAfterMs !== null) {
    headers['retry-after'] = String(Math.max(1, Math.ceil(error.retryAfterMs / 1000)));
    headers['retry-after-ms'] = String(Math.max(1, Math.ceil(error.retryAfterMs)));
  }
  if (error.shouldRetry !== null) headers['x-should-retry'] = String(error.shouldRetry);
  return headers;
}
