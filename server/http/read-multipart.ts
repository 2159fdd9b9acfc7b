import type { IncomingMessage } from 'node:http';
import { Busboy, type BusboyHeaders } from '@fastify/busboy';
import { ApiError, invalidRequest } from '../formats/api-error.ts';
import type { Upload } from '../formats/to-gemini/uploads.ts';
import { incomplete, refusePacked, tooLarge, wrongType } from './read-body.ts';
import type { ParsedBody } from './read-json.ts';

/** What OpenAI takes as one sound file; clients cut longer recordings to this size. */
const fileBytesMax = 25 * 1024 * 1024;
const filesMax = 16;
const fieldBytesMax = 1024 * 1024;
const fieldsMax = 100;
/** Of the head of one part: name, file name, type. */
const partHeadBytesMax = 16 * 1024;

/**
 * Reads a form of at most `bytesMax` bytes: texts as strings, files as `Upload`s, what is named twice or `name[]` as a list.
 * @throws ApiError 413 when the form or a file is longer, 415 when it is compressed or no form, 400 when it is malformed.
 */
export async function readMultipart(request: IncomingMessage, bytesMax: number): Promise<ParsedBody> {
  refusePacked(request);
  const parser = createParser(request);
  if (Number(request.headers['content-length']) > bytesMax) throw tooLarge(bytesMax);
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  const fields: [name: string, value: string | Upload][] = [];
  let bytes = 0;
  let openFile: string | null = null;
  parser.on('field', (name, value, _isNameCut, isCut) => {
    if (name === undefined) reject(malformed('a part of it has no name'));
    else if (isCut) reject(partTooLarge(name, fieldBytesMax));
    else fields.push([name, value]);
  });
  parser.on('file', (name, stream, filename, _encoding, mimeType) => {
    const upload: Upload = { filename: filename ?? '', mimeType, data: Buffer.alloc(0) };
    if (name === undefined) reject(malformed('a part of it has no name'));
    // Its place among the fields is where it begins.
    fields.push([name, upload]);
    openFile = name;
    const pieces: Buffer[] = [];
    stream.on('data', (piece) => pieces.push(piece));
    stream.on('limit', () => reject(partTooLarge(name, fileBytesMax)));
    // Told by the parser as well.
    stream.on('error', () => {});
    stream.on('end', () => {
      upload.data = Buffer.concat(pieces);
      openFile = null;
    });
  });
  parser.on('fieldsLimit', () => reject(malformed(`it has more than ${fieldsMax} fields`)));
  parser.on('filesLimit', () => reject(malformed(`it has more than ${filesMax} files`)));
  parser.on('error', (error) => reject(malformed((error as Error).message, openFile)));
  parser.on('finish', resolve);
  request.on('data', (piece: Buffer) => {
    bytes += piece.length;
    if (bytes > bytesMax) reject(tooLarge(bytesMax));
  });
  request.on('error', () => reject(incomplete()));
  request.on('close', () => {
    if (!request.complete) reject(incomplete());
  });
  request.pipe(parser);
  try {
    await promise;
    return { value: toObject(fields), bytes };
  } finally {
    request.unpipe(parser);
  }
}

/** @throws ApiError */
function createParser({ headers }: IncomingMessage) {
  const type = headers['content-type'];
  if (!type || !/^multipart\/form-data\b/i.test(type)) {
    const got = type ? `, not ${type.slice(0, 100)}` : '';
    throw wrongType(`This endpoint takes a form (multipart/form-data)${got}.`);
  }
  const limits = {
    fileSize: fileBytesMax,
    files: filesMax,
    fieldSize: fieldBytesMax,
    fields: fieldsMax,
    headerSize: partHeadBytesMax,
  };
  try {
    return new Busboy({ headers: headers as BusboyHeaders, limits });
  } catch {
    throw malformed('its content-type has no boundary');
  }
}

/** What is named more than once, or as `name[]` or `name[0]`, is a list. */
function toObject(fields: readonly [name: string, value: string | Upload][]): Record<string, unknown> {
  const values = new Map<string, unknown>();
  for (const [given, value] of fields) {
    const name = given.replace(/\[\d*\]$/, '');
    const earlier = values.get(name);
    if (Array.isArray(earlier)) earlier.push(value);
    else if (earlier !== undefined) values.set(name, [earlier, value]);
    else values.set(name, given === name ? value : [value]);
  }
  return Object.fromEntries(values);
}

function malformed(why: string, param: string | null = null): ApiError {
  return invalidRequest(`The form cannot be read: ${why}.`, param, 'invalid_multipart');
}

function partTooLarge(name: string, bytesMax: number): ApiError {
  const message = `\`${name}\` is larger than ${Math.floor(bytesMax / 1024 / 1024)} MB.`;
  return new ApiError(413, 'request_too_large', message, { param: name });
}
