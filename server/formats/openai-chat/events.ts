import type { ApiError } from '../api-error.ts';
import { renderOpenAiError } from './error.ts';

/** A server-sent event whose type is in the data as well, as OpenAI's media endpoints send them. */
export function toEvent(data: { type: string; [field: string]: unknown }): string {
  return `event: ${data.type}\ndata: ${JSON.stringify(data)}\n\n`;
}

/** The event that tells of a failure inside a stream: an object, as its clients take a list for an ordinary chunk. */
export function toErrorEvent(error: ApiError): string {
  return `data: ${JSON.stringify(renderOpenAiError(error))}\n\n`;
}
