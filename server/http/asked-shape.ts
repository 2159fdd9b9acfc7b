import type { IncomingHttpHeaders } from 'node:http';

/** Whose clients read the answer. */
export type Shape = 'openai' | 'anthropic' | 'gemini';

/** Some paths serve three kinds of clients, who can be told apart by what only they send. */
export function askedShape(path: string, headers: IncomingHttpHeaders, query: object): Shape {
  if (!path.startsWith('/v1/')) return 'gemini';
  if ('anthropic-version' in headers) return 'anthropic';
  if ('x-goog-api-key' in headers || 'x-goog-api-client' in headers) return 'gemini';
  if ('key' in query || 'pageSize' in query || 'pageToken' in query) return 'gemini';
  return 'openai';
}
