import type { Refusal } from '../clients/limits/admit.ts';
import { ApiError } from '../formats/api-error.ts';

/** Clients obey a wait of up to a minute; a longer one makes them hammer, so they are told not to retry. */
const obeyedWaitMsMax = 60_000;

/** A refusal by the caller's own limits, in OpenAI's words: 429, or 403 where no wait helps because the call itself cannot be paid for. */
export function limitError({ code, message, retryAfterMs }: Refusal): ApiError {
  const shouldRetry = retryAfterMs !== null && retryAfterMs <= obeyedWaitMsMax ? null : false;
  switch (code) {
    case 'rate_limit_exceeded':
      return new ApiError(429, code, message, { type: 'rate_limit_error', retryAfterMs, shouldRetry });
    case 'insufficient_quota':
      return new ApiError(429, code, message, { type: 'insufficient_quota', retryAfterMs, shouldRetry });
    case 'model_not_priced':
    case 'usage_not_bounded':
      return new ApiError(403, code, message, { shouldRetry: false });
  }
}
