import { isIP, type LookupFunction } from 'node:net';
import { StringDecoder } from 'node:string_decoder';
import { Client, type Dispatcher } from 'undici';
import type { MediaAllow } from '../config.ts';
import { ApiError } from '../formats/api-error.ts';
import { headBytes, sniffMediaType } from '../formats/media-type.ts';
import { findTarget, MediaRefused, notFetchable, type Resolve, resolveBySystem, type Target } from './find-target.ts';
import { orAborted } from './or-aborted.ts';
import { createSlots, SlotsFull } from './slots.ts';

/** A picture or other file as Gemini takes it inline. */
export interface Media {
  mimeType: string;
  /** Base64. */
  data: string;
}

/** Fetches what clients name by http or https address, from public hosts and from those that the operator allows. */
export interface MediaFetcher {
  /**
   * Fetches one file. @param param The field that named the address, for the error.
   * @throws ApiError 400 `invalid_image_url`, or 503 when too many wait already or the gateway stops; the signal's reason when it aborts.
   */
  fetch(url: string, param: string, signal?: AbortSignal): Promise<Media>;
  /** Ends every download that runs or waits. */
  close(): void;
}

export interface MediaFetcherOptions {
  allow: MediaAllow;
  resolve?: Resolve;
  /** Starts the time limit of one download, redirects included: a signal that aborts at its end. */
  startDeadline?: () => AbortSignal;
}

const bytesMax = 20_000_000;
const downloadMsMax = 10_000;
const connectMsMax = 10_000;
const redirectsMax = 3;
const downloadsMax = 8;
/** Room for some requests that name many pictures each. */
const waitingMax = 256;
const retryAfterMs = 1000;
const redirectStatuses = [301, 302, 303, 307, 308];
/** No compression: a small answer must not become a large one. No cookies, no credentials; some hosts refuse callers without a name. */
const requestHeaders = { accept: '*/*', 'accept-encoding': 'identity', 'user-agent': 'gemini-pool' };

/** Downloads go out directly, never through a proxy: a proxy would resolve the name once more, past the check. */
export function createMediaFetcher(options: MediaFetcherOptions): MediaFetcher {
  const { allow, resolve = resolveBySystem, startDeadline = () => AbortSignal.timeout(downloadMsMax) } = options;
  const slots = createSlots(downloadsMax, waitingMax);
  const closing = new AbortController();

  async function download(address: string, aborted: AbortSignal): Promise<Media> {
    const signal = AbortSignal.any([aborted, startDeadline()]);
    let text = address;
    let base: URL | null = null;
    for (let redirects = 0; redirects <= redirectsMax; redirects++) {
      const target: Target = await orAborted(findTarget(text, base, allow, resolve), signal).catch(asRefusal);
      const end = await get(target, signal);
      if ('data' in end) return end;
      text = end.location;
      base = target.url;
    }
    throw new MediaRefused(`The address redirects more than ${redirectsMax} times.`);
  }

  return {
    async fetch(url, param, signal) {
      const aborted = signal ? AbortSignal.any([signal, closing.signal]) : closing.signal;
      try {
        return await slots.run(() => download(url, aborted), aborted);
      } catch (error) {
        aborted.throwIfAborted();
        if (error instanceof MediaRefused) throw new ApiError(400, 'invalid_image_url', error.message, { param });
        if (error instanceof SlotsFull) throw tooMany(param);
        throw error;
      }
    },
    close: () => closing.abort(new ApiError(503, 'shutting_down', 'The gateway was stopped.', { retryAfterMs })),
  };
}

/** One GET on a connection of its own: a file, or where it is to be found instead. @throws MediaRefused */
async function get(target: Target, signal: AbortSignal): Promise<Media | { location: string }> {
  const { url } = target;
  const client = new Client(url.origin, {
    // Of the deadline in the signal a connection under way hears nothing; for the rest that deadline is the clock.
    connect: { lookup: onlyTo(target.addresses), timeout: connectMsMax },
    headersTimeout: 0,
    bodyTimeout: 0,
    allowH2: false,
  });
  try {
    const request = client.request({
      path: url.pathname + url.search,
      method: 'GET',
      headers: requestHeaders,
      signal,
      reset: true,
    });
    // The client hears of an abort only once it is connected.
    const answer = await orAborted(request, signal).catch(asRefusal);
    const { location } = answer.headers;
    if (redirectStatuses.includes(answer.statusCode) && typeof location === 'string') return { location };
    return await read(answer, signal);
  } finally {
    void client.destroy();
  }
}

/**
 * Reads an answer. Its refusals may be exact: they tell of hosts that anybody can ask, or that the operator opened to clients.
 * @throws MediaRefused
 */
async function read({ statusCode, headers, body }: Dispatcher.ResponseData, signal: AbortSignal): Promise<Media> {
  if (statusCode !== 200) throw new MediaRefused(`The address answers with HTTP status ${statusCode}.`);
  if (String(headers['content-encoding'] || 'identity').toLowerCase() !== 'identity')
    throw new MediaRefused('The address answers with compressed content, which is not accepted.');
  if (Number(headers['content-length']) > bytesMax) throw tooLarge();
  const { head, data } = await toBase64(body).catch((error) => {
    if (error instanceof MediaRefused) throw error;
    throw new MediaRefused(
      signal.aborted ? 'The file at the address takes too long to fetch.' : 'The file at the address breaks off.',
    );
  });
  const mimeType = sniffMediaType(head) ?? namedType(headers['content-type']);
  if (data === '' || !mimeType) throw new MediaRefused('The address leads to no picture, video, audio or PDF file.');
  return { mimeType, data };
}

/** Turned into base64 as it comes, so that a large file is in memory once. */
async function toBase64(body: AsyncIterable<Buffer>): Promise<{ head: Buffer; data: string }> {
  // Despite its name it encodes: whole groups of three bytes, the rest is kept for the next piece.
  const encoder = new StringDecoder('base64');
  let head: Buffer = Buffer.alloc(0);
  let data = '';
  let length = 0;
  for await (const piece of body) {
    length += piece.length;
    if (length > bytesMax) throw tooLarge();
    if (head.length < headBytes) head = Buffer.concat([head, piece.subarray(0, headBytes)]);
    data += encoder.write(piece);
  }
  return { head, data: data + encoder.end() };
}

/** Kinds of media without known first bytes are believed to be what the host says; Gemini decides whether it can read them. */
function namedType(contentType: string | string[] | undefined): string | null {
  const named = String(contentType).split(';')[0]?.trim().toLowerCase() ?? '';
  return /^((image|audio|video)\/[\w.+-]+|application\/pdf)$/.test(named) ? named : null;
}

/** Answers every question for the host's address with the checked ones, so that a second, different answer of the DNS changes nothing. */
function onlyTo(addresses: readonly string[]): LookupFunction {
  const found = addresses.map((address) => ({ address, family: isIP(address) }));
  return (_host, { all }, callback) => {
    if (all) callback(null, found);
    else callback(null, found[0]?.address ?? '', found[0]?.family);
  };
}

function asRefusal(error: unknown): never {
  throw error instanceof MediaRefused ? error : notFetchable();
}

function tooLarge(): MediaRefused {
  return new MediaRefused(`The file at the address is larger than ${bytesMax / 1_000_000} MB.`);
}

function tooMany(param: string): ApiError {
  return new ApiError(503, 'media_overloaded', 'Too many files are being fetched.', { param, retryAfterMs });
}
