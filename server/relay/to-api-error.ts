import { ApiError } from '../formats/api-error.ts';
import { clientParam } from '../formats/to-gemini/client-param.ts';
import { modelNotFound } from '../models/model-id.ts';
import type { NoKey } from '../pool/choose-key.ts';
import type { Failure, FailureClass } from '../pool/classify-failure.ts';

/** Clients obey a wait of up to a minute; a longer one makes them hammer, so they are told not to retry. */
const obeyedWaitMsMax = 60_000;
const overloadWaitMs = 5000;

/** What an error tells beside what went wrong. */
interface Surroundings {
  /** Wall clock, ms since 1970. */
  now(): number;
  /** The models that a caller could have meant. */
  modelIds(): string[];
}

/** Failures that are the fault of a key: the caller must only ever hear of the pool's. */
const keyClasses = new Set<FailureClass>([
  'key_dead',
  'key_misconfigured',
  'key_model_denied',
  'key_model_day',
  'key_model_minute',
  'key_billing',
]);

/**
 * What the caller is told when all tries have failed.
 * @param others The rest of the pool, when another key was wanted and none was free.
 * @param body The caller's.
 */
export function toApiError(
  failure: Failure,
  others: NoKey | null,
  { model, body }: { model: string; body?: unknown },
  ask: Surroundings,
): ApiError {
  if (keyClasses.has(failure.class))
    return noKeyError(others ?? { earliestMs: null, reasons: [failure.class] }, model, ask);
  const { message, field } = failure;
  const noRetry = { shouldRetry: false };
  switch (failure.class) {
    case 'bad_request':
    case 'signature':
    case 'thinking_config':
    case 'store_field':
      return new ApiError(400, 'invalid_argument', message, { ...noRetry, param: field && clientParam(field, body) });
    case 'context_length':
      return new ApiError(400, 'context_length_exceeded', message, { param: 'messages' });
    case 'model_not_found':
      return notServed(model, ask);
    case 'resource_affinity':
      return new ApiError(404, 'resource_not_found', message);
    case 'model_overloaded':
      return new ApiError(503, 'model_overloaded', message, { retryAfterMs: overloadWaitMs });
    case 'region_blocked':
      return new ApiError(502, 'region_not_supported', message, noRetry);
    case 'transient':
      return failure.httpStatus === 504
        ? new ApiError(504, 'upstream_timeout', message)
        : new ApiError(502, 'upstream_error', message);
    case 'no_key_sent':
      return new ApiError(502, 'upstream_error', message);
    default:
      return new ApiError(502, failure.class, message);
  }
}

/** What the caller is told when no key can be picked now. */
export function noKeyError({ earliestMs, reasons }: NoKey, model: string, ask: Surroundings): ApiError {
  if (reasons.length === 0) {
    const message =
      'No usable Gemini key is in the pool. Add one in the dashboard under Key pool, or set GEMINI_API_KEYS.';
    return new ApiError(503, 'no_available_key', message, { shouldRetry: false });
  }
  if (reasons.every((reason) => reason === 'key_model_denied' || reason === 'model_not_found'))
    return notServed(model, ask);
  const nowMs = ask.now();
  const retryAfterMs = Math.max(1000, (earliestMs ?? nowMs) - nowMs);
  if (reasons.every((reason) => reason === 'model_overloaded' || reason === 'transient'))
    return leftAlone(reasons.includes('model_overloaded'), model, retryAfterMs);
  const seconds = Math.ceil(retryAfterMs / 1000);
  if (retryAfterMs <= obeyedWaitMsMax) {
    const message = `Every Gemini key is at its limit for ${model}. Please try again in ${seconds}s.`;
    return new ApiError(429, 'rate_limit_exceeded', message, { type: 'rate_limit_error', retryAfterMs });
  }
  const message = `The quota of every Gemini key for ${model} is used up. The next one is back in ${seconds} s.`;
  return new ApiError(429, 'insufficient_quota', message, {
    type: 'insufficient_quota',
    retryAfterMs,
    shouldRetry: false,
  });
}

/** No key is to blame: Google has been in trouble, and is not called for a moment. */
function leftAlone(isOverloaded: boolean, model: string, retryAfterMs: number): ApiError {
  if (!isOverloaded)
    return new ApiError(502, 'upstream_error', 'Google cannot be reached with any Gemini key of the pool.', {
      retryAfterMs,
    });
  const message = `${model} is overloaded at Google, and is left alone for a moment.`;
  return new ApiError(503, 'model_overloaded', message, { retryAfterMs });
}

function notServed(model: string, { modelIds }: Surroundings): ApiError {
  return modelNotFound(model, modelIds(), 'does not exist, or no key in the pool may use it');
}
