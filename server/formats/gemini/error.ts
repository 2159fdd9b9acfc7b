import type { ApiError } from '../api-error.ts';

/** Google's error object. */
export interface GoogleError {
  error: { code: number; message: string; status: string; details?: Record<string, unknown>[] };
}

/** gRPC status names by HTTP status (google.rpc.Code). */
const names: Record<number, string> = {
  400: 'INVALID_ARGUMENT',
  401: 'UNAUTHENTICATED',
  403: 'PERMISSION_DENIED',
  404: 'NOT_FOUND',
  409: 'ABORTED',
  413: 'INVALID_ARGUMENT',
  429: 'RESOURCE_EXHAUSTED',
  499: 'CANCELLED',
  500: 'INTERNAL',
  501: 'UNIMPLEMENTED',
  503: 'UNAVAILABLE',
  504: 'DEADLINE_EXCEEDED',
};

/** Renders an error as Google's clients read it; the wait of a rate limit is where Google puts it. */
export function renderGoogleError({ status: code, message, param, retryAfterMs }: ApiError): GoogleError {
  const status = names[code] ?? (code < 500 ? 'INVALID_ARGUMENT' : 'INTERNAL');
  const retryDelay = retryAfterMs === null ? null : `${Math.ceil(retryAfterMs / 1000)}s`;
  const details = retryDelay ? [{ '@type': 'type.googleapis.com/google.rpc.RetryInfo', retryDelay }] : null;
  const text = param === null ? message : `${param}: ${message}`;
  return { error: { code, message: text, status, ...(details && { details }) } };
}
