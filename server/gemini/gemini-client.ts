import { type buildConnector, type Dispatcher, EnvHttpProxyAgent, Pool } from 'undici';
import { brokenMessage, type CallKey, createEgress, type EgressOptions } from './egress.ts';
import { type ForwardCall, type ForwardEnd, ForwardHandler } from './forward-call.ts';
import { FrameSplitter, MalformedStream } from './frame-splitter.ts';
import { answerMsMax, errorBytesMax } from './limits.ts';
import { modelPath } from './model-name.ts';
import { redactKeys, statusOf } from './parse-error.ts';
import type { GeminiAction, GenerateContentResponse, ModelCard } from './types.ts';

/** One call of a model with one key. */
export interface GeminiCall {
  model: string;
  action: GeminiAction;
  /** JSON. */
  body: string | Buffer;
  /** Instead of the path that model and action make: for a native client, which gets the bytes as they come. */
  nativePath?: string | undefined;
  key: CallKey;
  /** Takes a chunk of a streamed answer. */
  onChunk(chunk: GenerateContentResponse): void;
  /**
   * Told after the chunks of one read of the socket. Returning false asks for a pause: nothing more is read until `resume` is called.
   * `bytes` is that read as it came.
   */
  onRead(resume: () => void, bytes: Buffer, headers: AnswerHeaders): boolean;
  /** Told once, before anything is sent. Aborting ends the call at once, also while it waits for a connection. */
  onStart(abort: () => void): void;
}

/** How a call ended. Never thrown: a failure is a value that the pool classifies. */
export type GeminiEnd =
  /** HTTP 200 and read to its end. An unstreamed call has its responses (several for a stream asked for as a JSON list) and their text. */
  | { kind: 'answered'; responses?: GenerateContentResponse[]; text?: string; headers: AnswerHeaders }
  /** Google answered with an error, by status or by an error object inside a 200 answer. `text` holds no key. */
  | { kind: 'error'; status: number; text: string }
  /** No complete answer: refused, reset, timed out, malformed. */
  | { kind: 'broken'; message: string }
  | { kind: 'aborted' };

/** Headers of Google's answer that are passed on to a native client. */
export type AnswerHeaders = Readonly<Record<string, string>>;

const passedHeaders = ['content-type', 'x-gemini-service-tier'];

export interface GeminiClient {
  call(call: GeminiCall): Promise<GeminiEnd>;
  /** Passes a native client's call on. */
  forward(call: ForwardCall): Promise<ForwardEnd>;
  /** Reads one thing by its path, for example `/v1beta/files/abc`. */
  read(path: string, key: CallKey): Promise<GeminiEnd>;
  /** All pages of the list of models that a key can see. */
  listModels(key: CallKey): Promise<{ kind: 'listed'; models: ModelCard[] } | Exclude<GeminiEnd, { kind: 'answered' }>>;
  close(): Promise<void>;
}

export interface GeminiClientOptions {
  baseUrl: string;
  httpsProxy: string | null;
  noProxy: string | null;
  /** How connections are made, where it is not undici's way. */
  connect?: buildConnector.BuildOptions | undefined;
  /** Time that only grows, ms. */
  clock?: (() => number) | undefined;
}

/** Google bounds a streamed call at about 20 minutes; a thinking model may be silent for minutes. */
const silenceMsMax = 600_000;
const connectMsMax = 10_000;
const keepAliveMs = 60_000;
const answerBytesMax = 256 * 1024 * 1024;
const modelPagesMax = 20;
/** A list of models comes at once or not at all. */
const listMsMax = 30_000;

/** The one door to Google: one connection pool, the key in `x-goog-api-key` only (a `?key=` would end up in logs). */
export function createGeminiClient(given: GeminiClientOptions): GeminiClient {
  const { baseUrl, httpsProxy, noProxy, connect, clock = () => performance.now() } = given;
  const url = new URL(baseUrl);
  const { origin } = url;
  const prefix = url.pathname.replace(/\/$/, '');
  const options: EgressOptions = {
    connections: null,
    pipelining: 1,
    // HTTP/2 costs a third more per call here, and its single session is a single point to get stuck at.
    allowH2: false,
    keepAliveTimeout: keepAliveMs,
    headersTimeout: silenceMsMax,
    bodyTimeout: silenceMsMax,
    connectTimeout: connect?.timeout ?? connectMsMax,
    connect: { timeout: connectMsMax, ...connect },
  };
  const dispatcher: Dispatcher = httpsProxy
    ? // An empty `httpProxy` keeps undici from taking one out of the environment by itself.
      new EnvHttpProxyAgent({ ...options, httpProxy: '', httpsProxy, noProxy: noProxy ?? '' })
    : new Pool(origin, options);

  const egress = createEgress(dispatcher, options);

  function post(path: string, key: CallKey, body: string | Buffer, handler: CallHandler): void {
    const headers = { 'x-goog-api-key': key.apiKey, accept: '*/*', 'content-type': 'application/json' };
    egress.by(key.proxyUrl ?? null).dispatch({ origin, path: prefix + path, method: 'POST', headers, body }, handler);
  }

  function get(path: string, key: CallKey): Promise<GeminiEnd> {
    const { promise, resolve } = Promise.withResolvers<GeminiEnd>();
    const headers = { 'x-goog-api-key': key.apiKey, accept: '*/*' };
    const timeouts = { headersTimeout: listMsMax, bodyTimeout: listMsMax };
    const handler = new CallHandler({ key, resolve, clock });
    egress
      .by(key.proxyUrl ?? null)
      .dispatch({ origin, path: prefix + path, method: 'GET', headers, ...timeouts }, handler);
    return promise;
  }

  return {
    call(call) {
      const { model, action, body, nativePath, key } = call;
      const { promise, resolve } = Promise.withResolvers<GeminiEnd>();
      const isStreaming = nativePath ? nativePath.includes('alt=sse') : action === 'streamGenerateContent';
      const isNative = nativePath !== undefined;
      const handler = new CallHandler({ key, resolve, clock, isNative, stream: isStreaming ? call : null });
      call.onStart(() => handler.abort());
      if (!handler.isDone) post(nativePath ?? pathOf(model, action), key, body, handler);
      return promise;
    },

    forward(call) {
      const { promise, resolve } = Promise.withResolvers<ForwardEnd>();
      const handler = new ForwardHandler(call, resolve, clock);
      call.onStart(() => handler.abort());
      const headers = { ...call.headers, 'x-goog-api-key': call.key.apiKey };
      const method = call.method as Dispatcher.HttpMethod;
      if (!handler.isDone)
        egress
          .by(call.key.proxyUrl ?? null)
          .dispatch({ origin, path: prefix + call.path, method, headers, body: call.body }, handler);
      return promise;
    },

    read: get,

    async listModels(key) {
      const models: ModelCard[] = [];
      let pageToken = '';
      for (let page = 0; page < modelPagesMax; page++) {
        const query = new URLSearchParams({ pageSize: '1000', ...(pageToken && { pageToken }) });
        const end = await get(`/v1beta/models?${query}`, key);
        if (end.kind !== 'answered') return end;
        const list = end.responses?.[0] as { models?: ModelCard[]; nextPageToken?: string } | undefined;
        if (Array.isArray(list?.models)) models.push(...list.models);
        pageToken = list?.nextPageToken ?? '';
        if (!pageToken) break;
      }
      return { kind: 'listed', models };
    },

    close: () => egress.destroy(),
  };
}

function pathOf(model: string, action: GeminiAction): string {
  if (action === 'interactions') return '/v1beta/interactions';
  const query = action === 'streamGenerateContent' ? '?alt=sse' : '';
  return `/v1beta/${modelPath(model)}:${action}${query}`;
}

type StreamSink = Pick<GeminiCall, 'onChunk' | 'onRead'>;

interface CallHandlerOptions {
  key: CallKey;
  resolve(end: GeminiEnd): void;
  clock(): number;
  stream?: StreamSink | null;
  /** Bytes are passed on also when they complete no chunk. */
  isNative?: boolean;
}

/** Takes one answer off the wire, by undici's callbacks: its streams and iterators cost a third more. */
class CallHandler implements Dispatcher.DispatchHandler {
  readonly #key: CallKey;
  readonly #resolve: (end: GeminiEnd) => void;
  readonly #stream: StreamSink | null;
  readonly #isNative: boolean;
  readonly #splitter = new FrameSplitter((chunk) => this.#takeChunk(chunk));
  /** An error object in a stream: what comes after it counts no more. */
  #error: GenerateContentResponse['error'];
  /** Of a native stream, the chunks of the read at hand. */
  #chunks: GenerateContentResponse[] = [];
  #headers: AnswerHeaders = {};
  #controller: Dispatcher.DispatchController | undefined;
  #status = 0;
  /** What one read of the socket brought of a stream: the HTTP parser hands it over piece by piece, one for each of Google's chunks. */
  #read: Buffer[] = [];
  #body: Buffer[] = [];
  #length = 0;
  readonly #clock: () => number;
  readonly #startedAt: number;
  isDone = false;

  constructor({ key, resolve, clock, stream = null, isNative = false }: CallHandlerOptions) {
    this.#key = key;
    this.#resolve = resolve;
    this.#clock = clock;
    this.#startedAt = clock();
    this.#stream = stream;
    this.#isNative = isNative;
  }

  abort(): void {
    this.#stop({ kind: 'aborted' });
  }

  onRequestStart(controller: Dispatcher.DispatchController): void {
    this.#controller = controller;
    if (this.isDone) controller.abort(notNeeded());
  }

  onResponseStart(
    _controller: Dispatcher.DispatchController,
    status: number,
    headers: Record<string, string | string[] | undefined>,
  ): void {
    this.#status = status;
    this.#headers = passedOn(headers);
  }

  onResponseData(_controller: Dispatcher.DispatchController, bytes: Buffer): void {
    if (this.isDone) return;
    this.#length += bytes.length;
    if (this.#length > (this.#status === 200 ? answerBytesMax : errorBytesMax))
      this.#stop({ kind: 'broken', message: 'The answer is too long.' });
    else if (this.#clock() - this.#startedAt > answerMsMax)
      this.#stop({ kind: 'broken', message: 'The answer takes too long.' });
    // The status decides, not the content type: Google labels the plain JSON of an error as an event stream.
    else if (!this.#stream || this.#status !== 200) this.#body.push(bytes);
    // Passed on together when the parser is through with the read: one write to the client instead of hundreds in a burst.
    else if (this.#read.push(bytes) === 1) queueMicrotask(() => this.#passRead());
  }

  onResponseEnd(): void {
    if (this.#stream && this.#status === 200) {
      this.#passRead();
      this.#pass(null);
      this.#done({ kind: 'answered', headers: this.#headers });
      return;
    }
    const text = this.#wholeBody().toString('utf8');
    this.#done(this.#status === 200 ? unaryEnd(text, this.#headers) : { kind: 'error', status: this.#status, text });
  }

  onResponseError(_controller: Dispatcher.DispatchController, error: Error & { code?: string }): void {
    this.#passRead();
    this.#done({ kind: 'broken', message: brokenMessage(error, this.#key.proxyUrl ?? null) });
  }

  #wholeBody(): Buffer {
    const [only = nothing] = this.#body;
    // Most answers come in one piece.
    return this.#body.length > 1 ? Buffer.concat(this.#body, this.#length) : only;
  }

  #passRead(): void {
    const [first, ...more] = this.#read;
    if (!first || this.isDone) return;
    this.#read = [];
    this.#pass(more.length === 0 ? first : Buffer.concat([first, ...more]));
  }

  /** @param bytes Null at the end. */
  #pass(bytes: Buffer | null): void {
    try {
      if (bytes) this.#splitter.push(bytes);
      else this.#splitter.end();
      // An error may name the key: of the read that brings one, only what came before it is passed on.
      const passed = this.#error ? toFrames(this.#chunks) : (bytes ?? nothing);
      this.#chunks = [];
      if (this.#stream?.onRead(() => this.#controller?.resume(), passed, this.#headers) === false)
        this.#controller?.pause();
      const error = this.#error;
      if (error) this.#stop({ kind: 'error', status: statusOf(error), text: JSON.stringify({ error }) });
    } catch (error) {
      // Google is not trusted either: an answer of another shape than Gemini's fails its own request and nothing else.
      const message = error instanceof MalformedStream ? error.message : strangeAnswer;
      this.#stop({ kind: 'broken', message });
    }
  }

  #takeChunk(chunk: GenerateContentResponse): void {
    this.#error ??= chunk.error;
    if (this.#error) return;
    this.#stream?.onChunk(chunk);
    if (this.#isNative) this.#chunks.push(chunk);
  }

  #stop(end: GeminiEnd): void {
    this.#done(end);
    this.#controller?.abort(notNeeded());
  }

  #done(end: GeminiEnd): void {
    if (this.isDone) return;
    this.isDone = true;
    this.#resolve(end.kind === 'error' ? { ...end, text: redactKeys(end.text, this.#key.apiKey) } : end);
  }
}

/** What is told of an answer whose fields are not of the types that Gemini's have. */
export const strangeAnswer = 'The answer does not have the shape of one of Gemini.';
const nothing = Buffer.alloc(0);
const notNeeded = () => new Error('The answer is not needed any more.');

function passedOn(headers: Record<string, string | string[] | undefined>): AnswerHeaders {
  const passed: Record<string, string> = {};
  for (const name of passedHeaders) {
    const value = headers[name];
    if (typeof value === 'string') passed[name] = value;
  }
  return passed;
}

function toFrames(chunks: readonly GenerateContentResponse[]): Buffer {
  return Buffer.from(chunks.map((chunk) => `data: ${JSON.stringify(chunk)}\r\n\r\n`).join(''));
}

function unaryEnd(text: string, headers: AnswerHeaders): GeminiEnd {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return { kind: 'broken', message: 'The answer is not JSON.' };
  }
  const responses = Array.isArray(value) ? value : [value];
  if (!responses.every((response) => typeof response === 'object' && response !== null))
    return { kind: 'broken', message: 'The answer is no JSON object.' };
  const error = responses.find((response) => response.error)?.error;
  return error ? { kind: 'error', status: statusOf(error), text } : { kind: 'answered', responses, text, headers };
}
