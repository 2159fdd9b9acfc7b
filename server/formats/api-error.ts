/** What goes wrong for a caller, in OpenAI's words; each format renders it in its own shape (contract: the client picks its error class by status). */
export class ApiError extends Error {
  override name = 'ApiError';
  readonly status: number;
  readonly type: ApiErrorType;
  readonly code: string;
  /** The field at fault, for example `messages[1].content[0].image_url.url`. */
  readonly param: string | null;
  /** How long to wait before the same request can succeed, ms. Sent as `retry-after`. */
  readonly retryAfterMs: number | null;
  /** False tells clients that a retry is useless (`x-should-retry: false`); null leaves it to them. */
  readonly shouldRetry: boolean | null;

  constructor(status: number, code: string, message: string, more: ApiErrorDetails = {}) {
    super(message);
    this.status = status;
    this.code = code;
    this.type = more.type ?? (status < 500 ? 'invalid_request_error' : 'server_error');
    this.param = more.param ?? null;
    this.retryAfterMs = more.retryAfterMs ?? null;
    this.shouldRetry = more.shouldRetry ?? null;
  }
}

export type ApiErrorType =
  | 'invalid_request_error'
  | 'image_generation_user_error'
  | 'rate_limit_error'
  | 'insufficient_quota'
  | 'server_error';

export interface ApiErrorDetails {
  type?: ApiErrorType;
  param?: string | null;
  retryAfterMs?: number | null;
  shouldRetry?: boolean | null;
}

/** A request that is refused before any upstream call: HTTP 400 with the path of the field at fault. */
export function invalidRequest(message: string, param: string | null, code = 'invalid_value'): ApiError {
  return new ApiError(400, code, message, { param });
}
