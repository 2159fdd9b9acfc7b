import { isUtf8 } from 'node:buffer';
import type { IncomingMessage } from 'node:http';
import { type ApiError, invalidRequest } from '../formats/api-error.ts';
import { readBody, wrongType } from './read-body.ts';
import { hasRepeatedName } from './repeated-name.ts';

/** A parsed body and its size, unpacked. */
export interface ParsedBody {
  value: unknown;
  bytes: number;
}

/** Smaller buffers may lie in one place with others, and are not worth a thought. */
const largeBytes = 1_000_000;

/**
 * Reads and parses a JSON body of at most `bytesMax` bytes. The content type is not asked for: `curl -d` says that it sends a form.
 * @throws ApiError as `readBody`, 415 for a form with files, and 400 when it is not JSON in UTF-8.
 */
export async function readJson(request: IncomingMessage, bytesMax: number): Promise<ParsedBody> {
  if (request.headers['content-type']?.startsWith('multipart/'))
    throw wrongType('This endpoint takes JSON, not a form (multipart/form-data).');
  const body = await readBody(request, bytesMax);
  const { length } = body;
  const text = textOf(body);
  // Given back now, and not at some garbage collection to come: the same megabytes are about to be there twice more.
  if (length > largeBytes) body.buffer.transfer(0);
  return { value: parse(text, request.headers['content-type']), bytes: length };
}

/**
 * Parses a body that is looked into here and passed on as it came.
 * @throws ApiError 400 when it is not JSON in UTF-8, or could be read there as something else.
 */
export function parsePassedOn(bytes: Buffer): unknown {
  const text = textOf(bytes);
  const value = parse(text);
  if (hasRepeatedName(text, value)) throw invalidJson('An object in the body has the same name twice.');
  return value;
}

function textOf(bytes: Buffer): string {
  // A lenient decoder would put U+FFFD in place of what it cannot read, and the model would be asked about something else.
  if (!isUtf8(bytes)) throw invalidJson('The body is not valid UTF-8. JSON is sent in UTF-8.');
  const hasByteOrderMark = bytes[0] === 0xef && bytes[1] === 0xbb && bytes[2] === 0xbf;
  return bytes.toString('utf8', hasByteOrderMark ? 3 : 0);
}

function parse(text: string, contentType = ''): unknown {
  if (text === '') throw invalidJson('The body is empty; a JSON object is expected.');
  try {
    return JSON.parse(text);
  } catch (error) {
    const form = /^application\/x-www-form-urlencoded/i.exec(contentType)?.[0];
    if (form) throw invalidJson(`The body is ${form}; a JSON object is expected here.`);
    throw invalidJson(`The body is not valid JSON: ${(error as Error).message}`);
  }
}

function invalidJson(message: string): ApiError {
  return invalidRequest(message, null, 'invalid_json');
}
