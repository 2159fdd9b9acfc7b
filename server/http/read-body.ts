import type { IncomingMessage } from 'node:http';
import { promisify } from 'node:util';
import { brotliDecompress, gunzip, inflate, zstdDecompress } from 'node:zlib';
import { ApiError, invalidRequest } from '../formats/api-error.ts';

/** A body with its memory for itself, unless it is small. */
export type Body = Buffer<ArrayBuffer>;

/** Most bodies of unknown length fit; larger ones move to a place of twice the size, again and again. */
const firstPlaceBytes = 65_536;

type Decode = (bytes: Buffer, options: { maxOutputLength: number }) => Promise<Body>;

/** By the name in `content-encoding`. None makes more than `maxOutputLength` bytes, however well a body was packed. */
const decoders: ReadonlyMap<string, Decode> = new Map<string, Decode>([
  ['gzip', promisify(gunzip)],
  ['x-gzip', promisify(gunzip)],
  ['deflate', promisify(inflate)],
  ['br', promisify(brotliDecompress)],
  ['zstd', promisify(zstdDecompress)],
]);

/**
 * Reads a body of at most `bytesMax` bytes, packed or not.
 * @throws ApiError 413 when it is longer, 415 for an unknown content encoding, 400 when it is cut off or not packed as it says.
 */
export function readBody(request: IncomingMessage, bytesMax: number): Promise<Body> {
  const unpack = unpacking(request.headers['content-encoding'], bytesMax);
  const bytes = readBytes(request, bytesMax);
  return unpack ? bytes.then(unpack) : bytes;
}

function unpacking(encoding: string | undefined, bytesMax: number) {
  const name = encoding?.trim().toLowerCase() || 'identity';
  if (name === 'identity') return null;
  const decode = decoders.get(name);
  if (!decode) {
    const accepted = [...decoders.keys()].join(', ');
    throw new ApiError(
      415,
      'unsupported_encoding',
      `The content-encoding "${name.slice(0, 100)}" is not accepted; one of ${accepted} is, or none.`,
    );
  }
  return async (bytes: Buffer): Promise<Body> => {
    try {
      return await decode(bytes, { maxOutputLength: bytesMax });
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'ERR_BUFFER_TOO_LARGE') throw tooLarge(bytesMax);
      throw invalidRequest(`The body is not valid ${name}.`, null, 'invalid_encoding');
    }
  };
}

const nothing = Buffer.alloc(0);

/**
 * Reads the body into one place, of the announced length if there is one: pieces that are joined at the end would be there twice. Listens to
 * 'data' itself: an async iterator costs a third of the throughput at 50 kB.
 */
function readBytes(request: IncomingMessage, bytesMax: number): Promise<Body> {
  const announced = request.headers['content-length'];
  if (Number(announced) > bytesMax) throw tooLarge(bytesMax);
  const { promise, resolve, reject } = Promise.withResolvers<Body>();
  let place: Body | null = null;
  let length = 0;
  request.on('data', function take(piece: Buffer) {
    if (length + piece.length > bytesMax) {
      request.off('data', take);
      place = nothing;
      reject(tooLarge(bytesMax));
      return;
    }
    // Most bodies are one piece, which is its own place.
    if (place === null && piece.length === Number(announced)) {
      place = piece as Body;
      length = piece.length;
      return;
    }
    place ??= Buffer.allocUnsafe(announced === undefined ? firstPlaceBytes : Number(announced));
    if (length + piece.length > place.length) place = enlarged(place, length + piece.length);
    length += piece.copy(place, length);
  });
  request.on('end', () =>
    resolve(place === null ? nothing : place.length === length ? place : place.subarray(0, length)),
  );
  // A request has no other error than that its connection broke.
  request.on('error', () => reject(incomplete()));
  request.on('close', () => {
    // Every request closes; an error made for each would cost its stack.
    if (!request.complete) {
      reject(incomplete());
    }
  });
  return promise;
}

function enlarged(place: Body, bytesMin: number): Body {
  const larger = Buffer.allocUnsafe(Math.max(bytesMin, 2 * place.length));
  place.copy(larger);
  return larger;
}

/** The body is longer than an endpoint takes. */
export function tooLarge(bytesMax: number): ApiError {
  return new ApiError(413, 'request_too_large', `The body is larger than ${Math.floor(bytesMax / 1_000_000)} MB.`);
}

/** The connection was closed in the middle of a body. */
export function incomplete(): ApiError {
  return new ApiError(400, 'incomplete_body', 'The connection was closed before the body was complete.');
}

/** A body of a kind that the endpoint does not take. */
export function wrongType(message: string): ApiError {
  return new ApiError(415, 'unsupported_media_type', message);
}

/** For readers that cannot unpack. @throws ApiError 415 for a packed body. */
export function refusePacked({ headers }: IncomingMessage): void {
  const encoding = headers['content-encoding'];
  if (!encoding || encoding === 'identity') return;
  throw new ApiError(
    415,
    'unsupported_encoding',
    `Send a form without content-encoding (got ${encoding.slice(0, 100)}).`,
  );
}
