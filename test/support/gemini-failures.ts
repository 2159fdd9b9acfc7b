import type { GoogleFailure } from './gemini-answers.ts';

const type = (name: string) => `type.googleapis.com/google.rpc.${name}`;

/** Any error, in Google's shape. */
export function failure(
  code: number,
  status: string,
  message: string,
  details?: Record<string, unknown>[],
): GoogleFailure {
  return { kind: 'error', error: { code, message, status, ...(details && { details }) } };
}

export interface Exhaustion {
  per?: 'minute' | 'day';
  /** What Google says to wait. For a daily quota it is a trap: the window ends at midnight Pacific time. */
  retryAfterSeconds?: number;
  /** The base model, which Google names instead of the requested one. */
  model?: string;
  limit?: number;
}

/** 429: the free quota of a model is used up. As recorded in autumn 2026; a spent daily quota lists the minute's too. */
export function exhausted(exhaustion: Exhaustion = {}): GoogleFailure {
  const { per = 'minute', model = 'gemini-3.8-flash' } = exhaustion;
  const { retryAfterSeconds = per === 'day' ? 38 : 59, limit = per === 'day' ? 20 : 5 } = exhaustion;
  const metric = 'generativelanguage.googleapis.com/generate_content_free_tier_requests';
  const violation = (period: string) => ({
    quotaMetric: metric,
    quotaId: `GenerateRequestsPer${period}PerProjectPerModel-FreeTier`,
    quotaDimensions: { location: 'global', model },
    // Google leaves the value out when it is zero.
    ...(limit > 0 && { quotaValue: String(limit) }),
  });
  const message = [
    'You exceeded your current quota, please check your plan and billing details. For more information on this error, head to: https://ai.google.dev/gemini-api/docs/rate-limits. To monitor your current usage, head to: https://ai.dev/rate-limit. ',
    `* Quota exceeded for metric: ${metric}, limit: ${limit}, model: ${model}`,
    `Please retry in ${retryAfterSeconds}.281060615s.`,
  ].join('\n');
  const help = {
    description: 'Learn more about Gemini API quotas',
    url: 'https://ai.google.dev/gemini-api/docs/rate-limits',
  };
  return failure(429, 'RESOURCE_EXHAUSTED', message, [
    { '@type': type('Help'), links: [help] },
    {
      '@type': type('QuotaFailure'),
      violations: per === 'day' ? [violation('Minute'), violation('Day')] : [violation('Minute')],
    },
    { '@type': type('RetryInfo'), retryDelay: `${retryAfterSeconds}s` },
  ]);
}

/** 429: this model has no free quota at all for the project. */
export function noFreeQuota(model = 'gemini-3.1-pro'): GoogleFailure {
  return exhausted({ per: 'day', limit: 0, model });
}

/** 429 without a word of explanation. */
export function vaguelyExhausted(): GoogleFailure {
  return failure(429, 'RESOURCE_EXHAUSTED', 'Resource has been exhausted (e.g. check quota).');
}

/** 400: not a key. Google says 400 for it, not 401. */
export function invalidKey(): GoogleFailure {
  const message = 'API key not valid. Please pass a valid API key.';
  const details = [
    errorInfo('API_KEY_INVALID', { service: 'generativelanguage.googleapis.com' }),
    { '@type': type('LocalizedMessage'), locale: 'en-US', message },
  ];
  return { ...failure(400, 'INVALID_ARGUMENT', message, details), contentType: jsonType };
}

/** 403: Google found the key published somewhere. */
export function leakedKey(): GoogleFailure {
  const message = 'Your API key was reported as leaked. Please use another API key.';
  return { ...failure(403, 'PERMISSION_DENIED', message), contentType: jsonType };
}

/** 403: the project behind the key is suspended. Google echoes the key. */
export function suspendedKey(key: string): GoogleFailure {
  const message = `Permission denied: Consumer 'api_key:${key}' has been suspended.`;
  const info = errorInfo('CONSUMER_SUSPENDED', { service: 'generativelanguage.googleapis.com' });
  return { ...failure(403, 'PERMISSION_DENIED', message, [info]), contentType: jsonType };
}

/** 403: the Gemini API is not switched on in the key's project. */
export function apiNotEnabled(): GoogleFailure {
  const message =
    'Generative Language API has not been used in project 123456789 before or it is disabled. Enable it by visiting https://console.developers.google.com/apis/api/generativelanguage.googleapis.com/overview?project=123456789 then retry.';
  return failure(403, 'PERMISSION_DENIED', message, [
    errorInfo('SERVICE_DISABLED', { service: 'generativelanguage.googleapis.com', consumer: 'projects/123456789' }),
  ]);
}

/** 403: no key came with the call. */
export function noKey(): GoogleFailure {
  return failure(
    403,
    'PERMISSION_DENIED',
    "Method doesn't allow unregistered callers (callers without established identity). Please use API Key or other form of API consumer identity to call this API.",
  );
}

/** 404: no such model, or it does something else. */
export function unknownModel(model: string, method = 'generateContent'): GoogleFailure {
  const message = `models/${model} is not found for API version v1beta, or is not supported for ${method}. Call ListModels to see the list of available models and their supported methods.`;
  return failure(404, 'NOT_FOUND', message);
}

/** 404: the model is closed to projects that are new; another key may still use it. */
export function closedToNewUsers(model: string): GoogleFailure {
  const message = `This model models/${model} is no longer available to new users. Please update your code to use a newer model for the latest features and improvements.`;
  return failure(404, 'NOT_FOUND', message);
}

/** 503: the model has too much to do. */
export function overloaded(): GoogleFailure {
  const message =
    'This model is currently experiencing high demand. Spikes in demand are usually temporary. Please try again later.';
  return failure(503, 'UNAVAILABLE', message);
}

/** 500. */
export function internalError(): GoogleFailure {
  return failure(
    500,
    'INTERNAL',
    'An internal error has occurred. Please retry or report in https://developers.generativeai.google/guide/troubleshooting',
  );
}

/** 504. */
export function deadlineExceeded(): GoogleFailure {
  return failure(504, 'DEADLINE_EXCEEDED', 'The service is unable to finish processing within the deadline.');
}

/** 400: the prompt is longer than the model reads. */
export function tooLong(): GoogleFailure {
  return badRequest('The input token count (1200000) exceeds the maximum number of tokens allowed (1048576).');
}

/** 400: the gateway stands in a country that Google does not serve. */
export function wrongRegion(): GoogleFailure {
  return failure(400, 'FAILED_PRECONDITION', 'User location is not supported for the API use.');
}

/** 400 for the caller's fault. */
export function badRequest(message = 'Request contains an invalid argument.', field?: string): GoogleFailure {
  const violations = [{ ...(field && { field }), description: message }];
  const details = field === undefined ? undefined : [{ '@type': type('BadRequest'), fieldViolations: violations }];
  return failure(400, 'INVALID_ARGUMENT', message, details);
}

export const jsonType = 'application/json; charset=UTF-8';

function errorInfo(reason: string, metadata: Record<string, string>): Record<string, unknown> {
  return { '@type': type('ErrorInfo'), reason, domain: 'googleapis.com', metadata };
}
