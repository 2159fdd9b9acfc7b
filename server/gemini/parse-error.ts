import type { GeminiErrorBody } from './types.ts';

/** gRPC status names to HTTP, for errors that come without a code (inside streams). */
const httpStatusOf: Record<string, number> = {
  CANCELLED: 499,
  INVALID_ARGUMENT: 400,
  FAILED_PRECONDITION: 400,
  OUT_OF_RANGE: 400,
  UNAUTHENTICATED: 401,
  PERMISSION_DENIED: 403,
  NOT_FOUND: 404,
  ABORTED: 409,
  ALREADY_EXISTS: 409,
  RESOURCE_EXHAUSTED: 429,
  UNKNOWN: 500,
  INTERNAL: 500,
  DATA_LOSS: 500,
  UNIMPLEMENTED: 501,
  UNAVAILABLE: 503,
  DEADLINE_EXCEEDED: 504,
};

/** Google's error in a body that may also be a list, HTML or text. Null when there is none in it. */
export function parseError(text: string): GeminiErrorBody | null {
  try {
    const value: unknown = JSON.parse(text);
    const first = (Array.isArray(value) ? value[0] : value) as { error?: GeminiErrorBody } | null;
    return first?.error && typeof first.error === 'object' ? first.error : null;
  } catch {
    return null;
  }
}

/** The HTTP status an error object stands for. */
export function statusOf(error: GeminiErrorBody): number {
  return error.code ?? httpStatusOf[error.status ?? ''] ?? 500;
}

/** Google echoes keys in messages: nothing that looks like one may be logged or passed on. */
export function redactKeys(text: string): string {
  return text.replace(/AIza[\w-]{20,}|AQ\.[\w-]{20,}/g, '[key]');
}
