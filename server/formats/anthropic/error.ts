import type { ApiError } from '../api-error.ts';

/** Anthropic's error object. */
export interface AnthropicError {
  type: 'error';
  error: { type: string; message: string; details?: { error_code: string } };
  request_id: string | null;
}

/** Anthropic's own status for an overload, which its clients wait out. */
const overloadedStatus = 529;

const types: Record<number, string> = {
  400: 'invalid_request_error',
  401: 'authentication_error',
  402: 'billing_error',
  403: 'permission_error',
  404: 'not_found_error',
  413: 'request_too_large',
  429: 'rate_limit_error',
  504: 'timeout_error',
  529: 'overloaded_error',
};

/** Codes of Anthropic's own by which its clients know what to do instead. */
const ownCodes = new Set(['thread_unsupported_request']);

/** The status that Anthropic's clients expect for an error. */
export function anthropicStatus({ status, code }: ApiError): number {
  return code === 'model_overloaded' ? overloadedStatus : status;
}

/** Renders an error as Anthropic's clients read it. @param requestId Null inside a stream. */
export function renderAnthropicError(error: ApiError, requestId: string | null): AnthropicError {
  const status = anthropicStatus(error);
  const type = types[status] ?? (status < 500 ? 'invalid_request_error' : 'api_error');
  const message = error.param === null ? error.message : `${error.param}: ${error.message}`;
  const details = ownCodes.has(error.code) && { details: { error_code: error.code } };
  return { type: 'error', error: { type, message, ...details }, request_id: requestId };
}
