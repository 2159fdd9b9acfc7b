import { Agent, type Dispatcher, EnvHttpProxyAgent } from 'undici';
import { FrameSplitter, MalformedStream } from './frame-splitter.ts';
import { redactKeys, statusOf } from './parse-error.ts';
import type { GeminiAction, GenerateContentResponse, ModelCard } from './types.ts';

/** One call of a model with one key. */
export interface GeminiCall {
  model: string;
  action: GeminiAction;
  /** JSON. */
  body: string | Buffer;
  /** The Gemini API key in the clear. */
  apiKey: string;
  /**
   * Takes all chunks of one socket read of a streamed answer, in order. Returning false asks for a pause: nothing more is read until
   * `resume` is called. `bytes` is that read as it came.
   */
  onChunks(chunks: GenerateContentResponse[], resume: () => void, bytes: Buffer): boolean;
  /** Told once, before anything is sent. Aborting ends the call at once, also while it waits for a connection. */
  onStart(abort: () => void): void;
}

/** How a call ended. Never thrown: a failure is a value that the pool classifies. */
export type GeminiEnd =
  /** HTTP 200 and read to its end. `response` and its text are set for an unstreamed call. */
  | { kind: 'answered'; response?: GenerateContentResponse; text?: string }
  /** Google answered with an error, by status or by an error object inside a 200 answer. `text` holds no key. */
  | { kind: 'error'; status: number; text: string }
  /** No complete answer: refused, reset, timed out, malformed. */
  | { kind: 'broken'; message: string }
  | { kind: 'aborted' };

export interface GeminiClient {
  call(call: GeminiCall): Promise<GeminiEnd>;
  /** All pages of the list of models that a key can see. */
  listModels(
    apiKey: string,
  ): Promise<{ kind: 'listed'; models: ModelCard[] } | Exclude<GeminiEnd, { kind: 'answered' }>>;
  close(): Promise<void>;
}

export interface GeminiClientOptions {
  baseUrl: string;
  httpsProxy: string | null;
  noProxy: string | null;
}

/** Google bounds a streamed call at about 20 minutes; a thinking model may be silent for minutes. */
const silenceMsMax = 600_000;
const connectMsMax = 10_000;
const keepAliveMs = 60_000;
const answerBytesMax = 256 * 1024 * 1024;
const errorBytesMax = 1024 * 1024;
const modelPagesMax = 20;
/** A list of models comes at once or not at all. */
const listMsMax = 30_000;

/** The one door to Google: one connection pool, the key in `x-goog-api-key` only (a `?key=` would end up in logs). */
export function createGeminiClient({ baseUrl, httpsProxy, noProxy }: GeminiClientOptions): GeminiClient {
  const url = new URL(baseUrl);
  const { origin } = url;
  const prefix = url.pathname.replace(/\/$/, '');
  const options: Agent.Options = {
    connections: null,
    pipelining: 1,
    // HTTP/2 costs a third more per call here, and its single session is a single point to get stuck at.
    allowH2: false,
    keepAliveTimeout: keepAliveMs,
    headersTimeout: silenceMsMax,
    bodyTimeout: silenceMsMax,
    connect: { timeout: connectMsMax },
  };
  const dispatcher: Dispatcher = httpsProxy
    ? // An empty `httpProxy` keeps undici from taking one out of the environment by itself.
      new EnvHttpProxyAgent({ ...options, httpProxy: '', httpsProxy, noProxy: noProxy ?? '' })
    : new Agent(options);

  function post(path: string, apiKey: string, body: string | Buffer, handler: CallHandler): void {
    const headers = { 'x-goog-api-key': apiKey, accept: '*/*', 'content-type': 'application/json' };
    dispatcher.dispatch({ origin, path: prefix + path, method: 'POST', headers, body }, handler);
  }

  function get(path: string, apiKey: string): Promise<GeminiEnd> {
    const { promise, resolve } = Promise.withResolvers<GeminiEnd>();
    const headers = { 'x-goog-api-key': apiKey, accept: '*/*' };
    const timeouts = { headersTimeout: listMsMax, bodyTimeout: listMsMax };
    const handler = new CallHandler(apiKey, resolve, null);
    dispatcher.dispatch({ origin, path: prefix + path, method: 'GET', headers, ...timeouts }, handler);
    return promise;
  }

  return {
    call({ model, action, body, apiKey, onChunks, onStart }) {
      const { promise, resolve } = Promise.withResolvers<GeminiEnd>();
      const handler = new CallHandler(apiKey, resolve, action === 'streamGenerateContent' ? onChunks : null);
      onStart(() => handler.abort());
      if (!handler.isDone) post(pathOf(model, action), apiKey, body, handler);
      return promise;
    },

    async listModels(apiKey) {
      const models: ModelCard[] = [];
      let pageToken = '';
      for (let page = 0; page < modelPagesMax; page++) {
        const query = new URLSearchParams({ pageSize: '1000', ...(pageToken && { pageToken }) });
        const end = await get(`/v1beta/models?${query}`, apiKey);
        if (end.kind !== 'answered') return end;
        const list = end.response as { models?: ModelCard[]; nextPageToken?: string };
        models.push(...(list.models ?? []));
        pageToken = list.nextPageToken ?? '';
        if (!pageToken) break;
      }
      return { kind: 'listed', models };
    },

    close: () => dispatcher.destroy(),
  };
}

function pathOf(model: string, action: GeminiAction): string {
  if (action === 'interactions') return '/v1beta/interactions';
  const query = action === 'streamGenerateContent' ? '?alt=sse' : '';
  return `/v1beta/models/${encodeURIComponent(model)}:${action}${query}`;
}

/** Takes one answer off the wire, by undici's callbacks: its streams and iterators cost a third more. */
class CallHandler implements Dispatcher.DispatchHandler {
  readonly #apiKey: string;
  readonly #resolve: (end: GeminiEnd) => void;
  readonly #onChunks: GeminiCall['onChunks'] | null;
  readonly #splitter = new FrameSplitter();
  #controller: Dispatcher.DispatchController | undefined;
  #status = 0;
  #body: Buffer[] = [];
  #length = 0;
  isDone = false;

  constructor(apiKey: string, resolve: (end: GeminiEnd) => void, onChunks: GeminiCall['onChunks'] | null) {
    this.#apiKey = apiKey;
    this.#resolve = resolve;
    this.#onChunks = onChunks;
  }

  abort(): void {
    this.#stop({ kind: 'aborted' });
  }

  onRequestStart(controller: Dispatcher.DispatchController): void {
    this.#controller = controller;
    if (this.isDone) controller.abort(notNeeded());
  }

  onResponseStart(_controller: Dispatcher.DispatchController, status: number): void {
    this.#status = status;
  }

  onResponseData(_controller: Dispatcher.DispatchController, bytes: Buffer): void {
    if (this.isDone) return;
    this.#length += bytes.length;
    if (this.#length > (this.#status === 200 ? answerBytesMax : errorBytesMax))
      this.#stop({ kind: 'broken', message: 'The answer is too long.' });
    // The status decides, not the content type: Google labels the plain JSON of an error as an event stream.
    else if (this.#onChunks && this.#status === 200) this.#pass(bytes);
    else this.#body.push(bytes);
  }

  onResponseEnd(): void {
    if (this.#onChunks && this.#status === 200) {
      this.#pass(null);
      this.#done({ kind: 'answered' });
      return;
    }
    const text = Buffer.concat(this.#body, this.#length).toString('utf8');
    this.#done(this.#status === 200 ? unaryEnd(text) : { kind: 'error', status: this.#status, text });
  }

  onResponseError(_controller: Dispatcher.DispatchController, error: Error & { code?: string }): void {
    // Of several addresses that all refuse, the error has no message.
    this.#done({ kind: 'broken', message: error.message || error.code || error.name });
  }

  /** @param bytes Null at the end. */
  #pass(bytes: Buffer | null): void {
    try {
      const chunks = bytes ? this.#splitter.push(bytes) : this.#splitter.end();
      const failed = chunks.findIndex((chunk) => chunk.error);
      const good = failed < 0 ? chunks : chunks.slice(0, failed);
      if (good.length > 0 && this.#onChunks?.(good, () => this.#controller?.resume(), bytes ?? nothing) === false)
        this.#controller?.pause();
      const error = chunks[failed]?.error;
      if (error) this.#stop({ kind: 'error', status: statusOf(error), text: JSON.stringify({ error }) });
    } catch (error) {
      if (!(error instanceof MalformedStream)) throw error;
      this.#stop({ kind: 'broken', message: error.message });
    }
  }

  #stop(end: GeminiEnd): void {
    this.#done(end);
    this.#controller?.abort(notNeeded());
  }

  #done(end: GeminiEnd): void {
    if (this.isDone) return;
    this.isDone = true;
    this.#resolve(end.kind === 'error' ? { ...end, text: redactKeys(end.text, this.#apiKey) } : end);
  }
}

const nothing = Buffer.alloc(0);
const notNeeded = () => new Error('The answer is not needed any more.');

function unaryEnd(text: string): GeminiEnd {
  try {
    const response = JSON.parse(text) as GenerateContentResponse;
    if (typeof response !== 'object' || response === null)
      return { kind: 'broken', message: 'The answer is no JSON object.' };
    if (response.error) return { kind: 'error', status: statusOf(response.error), text };
    return { kind: 'answered', response, text };
  } catch {
    return { kind: 'broken', message: 'The answer is not JSON.' };
  }
}
