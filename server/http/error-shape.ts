import type { IncomingHttpHeaders } from 'node:http';
import { anthropicStatus, renderAnthropicError } from '../formats/anthropic/error.ts';
import type { ApiError } from '../formats/api-error.ts';
import { renderGoogleError } from '../formats/gemini/error.ts';
import { renderOpenAiError } from '../formats/openai-chat/error.ts';

/** Whose clients read an error. */
export type ErrorShape = 'openai' | 'anthropic' | 'google';

/** An error in the shape of who asks: by the path, or where several kinds of clients share it, by what only one of them sends. */
export function errorShape(
  { method, path, headers }: { method: string; path: string; headers: IncomingHttpHeaders },
  query: object,
): ErrorShape {
  if (/^\/v1\/messages(?:\/|$)/.test(path)) return 'anthropic';
  if (/^\/(?:v1beta|v1alpha|upload|download)(?:\/|$)/.test(path)) return 'google';
  if (!/^\/v1\/(?:models|files|cachedContents|interactions|operations|batches)(?:\/|$)/.test(path)) return 'openai';
  // An id may have a colon, but only a Google client posts to one: `/v1/models/gemini-3.8-flash:generateContent`.
  if (method === 'POST' && /:\w+$/.test(path)) return 'google';
  if ('anthropic-version' in headers) return 'anthropic';
  return isGoogleClient(headers, query) ? 'google' : 'openai';
}

/** Whether a caller shows the key as only Google's clients do. */
export function isGoogleClient(headers: IncomingHttpHeaders, query: object): boolean {
  return 'x-goog-api-key' in headers || 'x-goog-api-client' in headers || 'key' in query;
}

/** The status and the body of an error in a shape. */
export function renderError(error: ApiError, shape: ErrorShape, requestId: string): { status: number; body: object } {
  switch (shape) {
    case 'anthropic':
      return { status: anthropicStatus(error), body: renderAnthropicError(error, requestId) };
    case 'google':
      return { status: error.status, body: renderGoogleError(error) };
    case 'openai':
      return { status: error.status, body: renderOpenAiError(error) };
  }
}
