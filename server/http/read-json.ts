import type { IncomingMessage } from 'node:http';
import { ApiError, invalidRequest } from '../formats/api-error.ts';

/** A parsed body and its size on the wire. */
export interface Body {
  value: unknown;
  bytes: number;
}

/**
 * Reads and parses a JSON body of at most `bytesMax` bytes.
 * @throws ApiError 413 when it is longer, 415 when it is compressed or a form, 400 when it is not JSON.
 */
export async function readJson(request: IncomingMessage, bytesMax: number): Promise<Body> {
  refuseEncoding(request);
  // Clients send JSON under many types, and under none.
  if (request.headers['content-type']?.startsWith('multipart/'))
    throw wrongType('This endpoint takes JSON, not a form (multipart/form-data).');
  const bytes = await readBytes(request, bytesMax);
  return { value: parseJson(bytes), bytes: bytes.length };
}

/** @throws ApiError 400 when it is not JSON. */
export function parseJson(bytes: Buffer): unknown {
  if (bytes.length === 0) throw invalidRequest('The body is empty; a JSON object is expected.', null, 'invalid_json');
  try {
    return JSON.parse(bytes.toString('utf8'));
  } catch (error) {
    throw invalidRequest(`The body is not valid JSON: ${(error as Error).message}`, null, 'invalid_json');
  }
}

/**
 * Reads a body of at most `bytesMax` bytes. Listens to 'data' itself: an async iterator costs a third of the throughput at 50 kB.
 * @throws ApiError 413 when it is longer.
 */
export function readBytes(request: IncomingMessage, bytesMax: number): Promise<Buffer> {
  const { promise, resolve, reject } = Promise.withResolvers<Buffer>();
  if (Number(request.headers['content-length']) > bytesMax) {
    reject(tooLarge(bytesMax));
    return promise;
  }
  const pieces: Buffer[] = [];
  let length = 0;
  request.on('data', (piece: Buffer) => {
    length += piece.length;
    if (length <= bytesMax) pieces.push(piece);
    else reject(tooLarge(bytesMax));
  });
  request.on('end', () => resolve(pieces.length === 1 ? (pieces[0] as Buffer) : Buffer.concat(pieces, length)));
  request.on('error', reject);
  request.on('close', () => {
    // Every request closes; an error made for each would cost its stack.
    if (!request.complete) reject(incomplete());
  });
  return promise;
}

/** @throws ApiError 415 for a compressed body. */
export function refuseEncoding({ headers }: IncomingMessage): void {
  const encoding = headers['content-encoding'];
  if (!encoding || encoding === 'identity') return;
  throw new ApiError(415, 'unsupported_encoding', `Send the body without content-encoding (got ${encoding}).`);
}

/** A body of a kind that the endpoint does not take. */
export function wrongType(message: string): ApiError {
  return new ApiError(415, 'unsupported_media_type', message);
}

/** The connection was closed in the middle of a body. */
export function incomplete(): ApiError {
  return new ApiError(400, 'incomplete_body', 'The connection was closed before the body was complete.');
}

/** The body is longer than an endpoint takes. */
export function tooLarge(bytesMax: number): ApiError {
  return new ApiError(413, 'request_too_large', `The body is larger than ${Math.floor(bytesMax / 1_000_000)} MB.`);
}
