import type { Middleware } from 'koa';
import type { Logger } from 'pino';
import { ApiError } from '../formats/api-error.ts';
import { renderOpenAiError } from '../formats/openai-chat/error.ts';
import { LedgerUnavailable } from '../ledger/commands.ts';

/** The one place where anything thrown becomes an answer: an error object, never a stack. */
export function answerErrors(log: Logger): Middleware {
  return async function answerError(ctx, next) {
    try {
      await next();
    } catch (thrown) {
      const error = toApiError(thrown);
      if (error.status >= 500 && !(thrown instanceof ApiError)) {
        log.error({ requestId: ctx.state.requestId, err: thrown }, 'a request failed unexpectedly');
      }
      if (ctx.res.headersSent) {
        ctx.res.destroy();
        return;
      }
      ctx.respond = true;
      ctx.status = error.status;
      ctx.set(errorHeaders(error));
      ctx.body = renderOpenAiError(error);
      if (!ctx.req.complete) {
        // The rest of the body is of no use: let it run out and close, so that the caller reads this answer.
        ctx.set('connection', 'close');
        ctx.req.resume();
      }
    }
  };
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
