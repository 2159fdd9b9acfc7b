import type { IncomingHttpHeaders } from 'node:http';
import { anthropicStatus, renderAnthropicError } from '../formats/anthropic/error.ts';
import type { ApiError } from '../formats/api-error.ts';
import { renderGoogleError } from '../formats/gemini/error.ts';
import { renderOpenAiError } from '../formats/openai-chat/error.ts';
import { askedShape, type Shape } from './asked-shape.ts';

/** An error in the shape of who asks: by the path, or where several kinds of clients share it, by what only one of them sends. */
export function errorShape(
  { method, path, headers }: { method: string; path: string; headers: IncomingHttpHeaders },
  query: object,
): Shape {
  if (/^\/v1\/messages(?:\/|$)/.test(path)) return 'anthropic';
  if (geminiPaths.test(path)) return 'gemini';
  // An id may have a colon, but only a Google client posts to one: `/v1/models/gemini-3.8-flash:generateContent`.
  if (method === 'POST' && /^\/v1\/models\/.+:\w+$/.test(path)) return 'gemini';
  return sharedPaths.test(path) ? askedShape(path, headers, query) : 'openai';
}

const geminiPaths = /^\/(?:v1alpha|v1beta|upload|download|v1\/(?:cachedContents|interactions|operations))(?:\/|$)/;
/** OpenAI's and Anthropic's APIs have these as well. */
const sharedPaths = /^\/v1\/(?:models|files|batches)(?:\/|$)/;

/** The status and the body of an error in a shape. */
export function renderError(error: ApiError, shape: Shape, requestId: string): { status: number; body: object } {
  switch (shape) {
    case 'anthropic':
      return { status: anthropicStatus(error), body: renderAnthropicError(error, requestId) };
    case 'gemini':
      return { status: error.status, body: renderGoogleError(error) };
    case 'openai':
      return { status: error.status, body: renderOpenAiError(error) };
  }
}
