import type { ServerResponse } from 'node:http';
import type { TokenUsage } from '../../server/ledger/events.ts';
import { frame, googleError, type ScriptedAnswer, text } from './simulated-gemini.ts';

/** How a call to Google goes wrong before there is a connection. */
export type ConnectFault = 'dns' | 'refused' | 'timeout' | 'tls';

/** What is right when a call meets a fault. */
export type Expected =
  /** The answer is usable as it is, and its usage is told or flagged. */
  | { kind: 'served'; text: string; usage: TokenUsage; usageSource: string }
  /** Nothing has reached the client: another try, and an error once there is none. */
  | {
      kind: 'retried';
      failures: { class: string; httpStatus: number | null }[];
      status: number;
      code: string;
      headers?: Record<string, string | RegExp>;
    }
  /** The client has a part of the answer: the stream ends with an error, and no other key is tried. */
  | { kind: 'interrupted'; text: string; code: string; upstreamStatus: number; usage: TokenUsage; usageSource: string };

export type Mode = 'unary' | 'stream';

export interface Fault {
  name: string;
  /** Keys that meet it; two unless given. */
  keys?: number;
  connect?: ConnectFault;
  /** What the calls that meet it are answered with, in turn and over again. */
  answers?: Record<Mode, ScriptedAnswer[]>;
  /** The answer falls silent: it ends when the gateway's patience does. */
  isSilent?: boolean;
  expected: Record<Mode, Expected>;
  /** What becomes of a key that met it; active and free unless given. */
  keyState?: { status: string; cooldowns: { model: string; reason: string }[] };
}

export const model = 'gemini-3.8-flash';
const day = 'GenerateRequestsPerDayPerProjectPerModel-FreeTier';
const minute = 'GenerateRequestsPerMinutePerProjectPerModel-FreeTier';
const streamHead = { 'content-type': 'text/event-stream' };
const jsonHead = { 'content-type': 'application/json; charset=UTF-8' };
const mebibyte = 1024 * 1024;

const whole = counts(7, 3);
/** A first frame that tells what the prompt costs, as Gemini's do. */
const firstFrame = { ...frame('Hel'), usageMetadata: { promptTokenCount: 7, totalTokenCount: 7 } };
const firstEvent = event(firstFrame);
const lastEvent = event(text('lo'));

/** No answer that can be used; told as a bad gateway after four tries with pauses. */
const broken: Expected = retried('transient', null, 502, 'upstream_error', 4);
const cut: Expected = {
  kind: 'interrupted',
  text: 'Hel',
  code: 'stream_interrupted',
  upstreamStatus: 200,
  usage: counts(7, 0),
  usageSource: 'last-seen',
};
const served: Expected = { kind: 'served', text: 'Hello', usage: whole, usageSource: 'upstream' };
const both = (expected: Expected) => ({ unary: expected, stream: expected });
const each = (...answers: ScriptedAnswer[]) => ({ unary: answers, stream: answers });
const resting = (reason: string, status = 'ACTIVE') => ({ status, cooldowns: [{ model, reason }] });

/** The ways in which a call to Google goes wrong. */
export const faults: readonly Fault[] = [
  { name: 'the name is not found', connect: 'dns', expected: both(broken) },
  { name: 'the connection is refused', connect: 'refused', expected: both(broken) },
  { name: 'the connection takes too long', connect: 'timeout', expected: both(broken) },
  { name: 'TLS fails', connect: 'tls', expected: both(broken) },
  { name: 'reset before the headers', answers: each({ write: reset }), expected: both(broken) },
  {
    name: 'reset after the headers',
    answers: { unary: [begin(jsonHead, [''], reset)], stream: [begin(streamHead, [''], reset)] },
    expected: both(broken),
  },
  {
    name: 'reset inside a chunk',
    answers: {
      unary: [begin(jsonHead, [JSON.stringify(text('Hello')).slice(0, 60)], reset)],
      stream: [begin(streamHead, [firstEvent, lastEvent.slice(0, 40)], reset)],
    },
    expected: { unary: broken, stream: cut },
  },
  { name: 'silence before the headers', isSilent: true, answers: each({ hangs: true }), expected: both(broken) },
  {
    name: 'silence inside the answer',
    isSilent: true,
    answers: {
      unary: [begin(jsonHead, ['{"candidates": [', '{"content": '])],
      stream: [begin(streamHead, [firstEvent])],
    },
    expected: { unary: broken, stream: cut },
  },
  {
    name: 'half open: the head breaks off and the socket stays',
    isSilent: true,
    answers: each({
      write({ socket }) {
        socket?.write('HTTP/1.1 200 OK\r\ncontent-type: applica');
      },
    }),
    expected: both(broken),
  },
  {
    name: 'a slow drip, byte by byte',
    answers: {
      unary: [drip(jsonHead, JSON.stringify(text('Hello')))],
      stream: [drip(streamHead, firstEvent)],
    },
    expected: both(retried('transient', null, 502, 'upstream_error', 4)),
  },
  {
    name: 'a page of HTML with status 200',
    answers: each({ raw: ['<!DOCTYPE html>\n<title>Sign in</title>\n'], headers: { 'content-type': 'text/html' } }),
    expected: both(broken),
  },
  {
    name: 'an empty body with status 200',
    answers: { unary: [{ raw: [], headers: jsonHead }], stream: [{ raw: [], headers: streamHead }] },
    expected: { unary: broken, stream: retried('empty_response', 200, 502, 'empty_response', 4) },
  },
  {
    name: 'JSON that breaks off although the answer ends properly',
    answers: {
      unary: [{ raw: [JSON.stringify(text('Hello')).slice(0, 60)], headers: jsonHead }],
      stream: [{ raw: [firstEvent, lastEvent.slice(0, 40)], headers: streamHead }],
    },
    expected: { unary: broken, stream: cut },
  },
  {
    name: 'invalid UTF-8, and characters cut between reads',
    answers: {
      unary: [{ raw: oneByOne(oddLetters(JSON.stringify(text('H~#o')))), headers: jsonHead }],
      stream: [{ raw: oneByOne(oddLetters(event(frame('H~')) + event(text('#o')))), headers: streamHead }],
    },
    expected: both({ ...served, text: 'H🙂\ufffdo' } as Expected),
  },
  {
    name: 'one line of 100 MiB',
    answers: {
      // Spaces are JSON too: a body that comes whole may be long. A frame of a stream may not.
      unary: [begin(jsonHead, ['{', ...long(' '), JSON.stringify(text('Hello')).slice(1)], end)],
      stream: [begin(streamHead, ['data: ', ...long('x')], end)],
    },
    expected: { unary: served, stream: broken },
  },
  {
    name: '100,000 tiny chunks',
    answers: {
      unary: [begin(jsonHead, batches([...JSON.stringify(text('y'.repeat(100_000)))]), end)],
      stream: [begin(streamHead, batches([...manyFrames(100_000)]), end)],
    },
    expected: both({ ...served, text: 'y'.repeat(100_000) } as Expected),
  },
  {
    name: 'no usage',
    answers: {
      unary: [{ json: countedAs(undefined) }],
      stream: [{ frames: [frame('Hel'), countedAs(undefined, 'lo')] }],
    },
    expected: both({ ...served, usage: {}, usageSource: 'estimated' } as Expected),
  },
  {
    name: 'usage that is negative, huge, or no number',
    answers: {
      unary: [{ json: countedAs(nonsense()) }],
      stream: [{ frames: [frame('Hel'), countedAs(nonsense(), 'lo')] }],
    },
    expected: both({ ...served, usage: {}, usageSource: 'estimated' } as Expected),
  },
  {
    name: "429: the minute's quota is spent",
    answers: each(spent([minute], '30s')),
    expected: both({
      ...retried('key_model_minute', 429, 429, 'rate_limit_exceeded', 2),
      headers: { 'retry-after': /^[23]\d$/ },
    } as Expected),
    keyState: resting('key_model_minute'),
  },
  {
    name: "429: the day's quota is spent",
    answers: each(spent([minute, day], '30s')),
    expected: both({
      ...retried('key_model_day', 429, 429, 'insufficient_quota', 2),
      headers: { 'x-should-retry': 'false' },
    } as Expected),
    keyState: resting('key_model_day', 'EXHAUSTED'),
  },
  {
    name: '429 from key after key',
    keys: 5,
    answers: each(spent([minute], '30s')),
    expected: both(retried('key_model_minute', 429, 429, 'rate_limit_exceeded', 5)),
    keyState: resting('key_model_minute'),
  },
  {
    name: 'a burst of 500, 503 and 504',
    answers: each(
      googleError(500, 'INTERNAL', 'Internal error encountered.'),
      googleError(503, 'UNAVAILABLE', 'The model is overloaded. Please try again later.'),
      googleError(504, 'DEADLINE_EXCEEDED', 'The service is unable to finish processing within the deadline.'),
    ),
    expected: both({
      ...retried('transient', 500, 502, 'upstream_error', 4),
      failures: [
        { class: 'transient', httpStatus: 500 },
        { class: 'model_overloaded', httpStatus: 503 },
        { class: 'transient', httpStatus: 504 },
        { class: 'transient', httpStatus: 500 },
      ],
    } as Expected),
  },
  {
    name: 'keys that are dead: 400 invalid, 403 leaked',
    keys: 3,
    answers: each(
      googleError(400, 'INVALID_ARGUMENT', 'API key not valid. Please pass a valid API key.'),
      googleError(403, 'PERMISSION_DENIED', 'Your API key was reported as leaked. Please use another API key.'),
    ),
    expected: both({
      ...retried('key_dead', 400, 503, 'no_available_key', 3),
      headers: { 'x-should-retry': 'false' },
      failures: [400, 403, 400].map((httpStatus) => ({ class: 'key_dead', httpStatus })),
    } as Expected),
    keyState: { status: 'REJECTED', cooldowns: [] },
  },
  {
    name: 'an error inside a 200 after tokens',
    answers: {
      unary: [{ json: { ...text('Hel'), ...overloadedError() } }],
      stream: [{ raw: [firstEvent, event(overloadedError())], headers: streamHead }],
    },
    expected: {
      unary: retried('model_overloaded', 503, 503, 'model_overloaded', 4),
      stream: { ...cut, code: 'model_overloaded', upstreamStatus: 503 } as Expected,
    },
  },
];

/** How long an answer is silent between two bytes of a drip, ms: less than is taken for silence. */
export const dripMs = 500_000;
/** Moved by a drip; to be read by the gateway as its clock. */
export const dripClock = { now: 0 };

function retried(name: string, httpStatus: number | null, status: number, code: string, tries: number) {
  return {
    kind: 'retried' as const,
    failures: Array.from({ length: tries }, () => ({ class: name, httpStatus })),
    status,
    code,
  };
}

function counts(inputTokens: number, outputTokens: number): TokenUsage {
  const totalTokens = inputTokens + outputTokens;
  return { inputTokens, cachedInputTokens: 0, outputTokens, reasoningTokens: 0, totalTokens };
}

function event(value: object): string {
  return `data: ${JSON.stringify(value)}\r\n\r\n`;
}

function overloadedError() {
  return { error: { code: 503, message: 'The model is overloaded. Please try again later.', status: 'UNAVAILABLE' } };
}

function spent(quotaIds: string[], retryDelay: string): ScriptedAnswer {
  const violations = quotaIds.map((quotaId) => ({ quotaId, quotaValue: '20', quotaDimensions: { model } }));
  return googleError(429, 'RESOURCE_EXHAUSTED', 'You exceeded your current quota.', [
    { '@type': 'type.googleapis.com/google.rpc.QuotaFailure', violations },
    { '@type': 'type.googleapis.com/google.rpc.RetryInfo', retryDelay },
  ]);
}

/** A whole answer with a usage of one's own. */
function countedAs(usageMetadata: object | undefined, words = 'Hello') {
  const { usageMetadata: _counted, ...rest } = text(words);
  return { ...rest, ...(usageMetadata && { usageMetadata }) };
}

function nonsense() {
  return { promptTokenCount: -5, candidatesTokenCount: 1e300, totalTokenCount: '12', thoughtsTokenCount: 0.5 };
}

/** Begins an answer, writes pieces as fast as they are taken, and then does something, or nothing for ever. */
function begin(
  headers: Record<string, string>,
  pieces: Iterable<string | Buffer>,
  then: (response: ServerResponse) => void = () => {},
): ScriptedAnswer {
  // Read more than once: an iterator would be used up by the first call.
  const all = [...pieces];
  return {
    async write(response) {
      response.writeHead(200, headers);
      response.flushHeaders();
      for (const piece of all) {
        if (response.destroyed) return;
        if (piece.length > 0) await new Promise((written) => response.write(piece, written));
      }
      then(response);
    },
  };
}

function end(response: ServerResponse): void {
  response.end();
}

/** Waits until what was written has left, so that the caller has seen it before the reset. */
function reset({ socket }: ServerResponse): void {
  setImmediate(() => socket?.resetAndDestroy());
}

/** Writes byte after byte; between two of them nearly as long passes as is taken for silence. */
function drip(headers: Record<string, string>, whole: string): ScriptedAnswer {
  return {
    async write(response) {
      response.writeHead(200, headers);
      for (const letter of whole) {
        if (response.destroyed) return;
        await new Promise((written) => response.write(letter, written));
        dripClock.now += dripMs;
        await new Promise((resolve) => setImmediate(resolve));
      }
    },
  };
}

/** `~` becomes an emoji of four bytes, `#` a byte that no UTF-8 has. */
function oddLetters(words: string): Buffer {
  const [before = '', after = ''] = words.replace('~', '🙂').split('#');
  return Buffer.concat([Buffer.from(before), Buffer.from([0xff]), Buffer.from(after)]);
}

function oneByOne(bytes: Buffer): Buffer[] {
  return Array.from(bytes, (_byte, index) => bytes.subarray(index, index + 1));
}

function long(letter: string): Buffer[] {
  const piece = Buffer.alloc(mebibyte, letter);
  return Array.from({ length: 100 }, () => piece);
}

function* manyFrames(count: number): Generator<string> {
  for (let number = 1; number < count; number++) yield event(frame('y'));
  yield event(text('y'));
}

/** A hundred pieces in one write: as many frames for less time. */
function batches(pieces: string[]): string[] {
  const size = 100;
  const starts = Array.from({ length: Math.ceil(pieces.length / size) }, (_, index) => index * size);
  return starts.map((start) => pieces.slice(start, start + size).join(''));
}
