import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { type Dispatcher, Pool } from 'undici';

/**
 * THE FLOOR: the least that a translating gateway on Node can cost. Bare `node:http`, undici's `dispatch`, JSON translated both ways, and
 * nothing else: no authentication, no ledger, no retry, no error worth the name. The product's cost is given as a multiple of this, so
 * this file is frozen: changing it changes what every earlier figure meant. Usage: `node test/bench/floor.ts <port> <upstream port>`.
 */
const [port, upstreamPort] = process.argv.slice(2).map(Number);
const origin = `http://127.0.0.1:${upstreamPort}`;
const pool = new Pool(origin, {
  connections: 512,
  pipelining: 1,
  keepAliveTimeout: 60_000,
  keepAliveMaxTimeout: 600_000,
  headersTimeout: 300_000,
  bodyTimeout: 300_000,
  allowH2: false,
});
const model = 'gemini-2.5-flash';
const unaryPath = `/v1beta/models/${model}:generateContent`;
const streamPath = `/v1beta/models/${model}:streamGenerateContent?alt=sse`;
const streamHeaders = {
  'Content-Type': 'text/event-stream; charset=utf-8',
  'Cache-Control': 'no-cache, no-transform',
  'X-Accel-Buffering': 'no',
};
const bodyBytesMax = 20_000_000;

interface TextPart {
  type?: string;
  text?: string;
}
interface ChatRequest {
  model: string;
  messages: { role: string; content: string | TextPart[] | null }[];
  temperature?: number;
  top_p?: number;
  max_tokens?: number;
  stop?: string | string[];
  stream?: boolean;
}
interface Usage {
  promptTokenCount?: number;
  candidatesTokenCount?: number;
  thoughtsTokenCount?: number;
  totalTokenCount?: number;
}
interface GeminiResponse {
  candidates?: { index?: number; content?: { parts?: { text?: string }[] }; finishReason?: string }[];
  usageMetadata?: Usage;
}

const server = createServer((request, response) => {
  readBody(request, (bytes) => {
    let body: ChatRequest;
    try {
      body = JSON.parse(bytes.toString());
      validate(body);
    } catch (error) {
      response.writeHead(400).end(String(error));
      return;
    }
    const gemini = JSON.stringify(toGemini(body));
    const head = { id: newId(), created: Math.floor(Date.now() / 1000), model: body.model };
    if (body.stream) send(streamPath, gemini, new StreamHandler(response, head));
    else send(unaryPath, gemini, new UnaryHandler(response, head));
  });
});
server.keepAliveTimeout = 600_000;
server.requestTimeout = 0;
server.listen({ port, host: '127.0.0.1', backlog: 8192 });

interface Head {
  id: string;
  created: number;
  model: string;
}

function send(path: string, body: string, handler: Dispatcher.DispatchHandler): void {
  const headers = { 'content-type': 'application/json', 'x-goog-api-key': 'AIzaSyTESTKEY00000000000000000000000' };
  pool.dispatch({ origin, path, method: 'POST', headers, body }, handler);
}

function readBody(request: IncomingMessage, done: (bytes: Buffer) => void): void {
  let first: Buffer | null = null;
  let all: Buffer[] | null = null;
  let length = 0;
  request.on('data', (bytes: Buffer) => {
    length += bytes.length;
    if (length > bodyBytesMax) request.destroy();
    if (first === null) first = bytes;
    else {
      all ??= [first];
      all.push(bytes);
    }
  });
  request.on('end', () => done(all === null ? (first ?? Buffer.alloc(0)) : Buffer.concat(all, length)));
}

function validate(body: ChatRequest): void {
  if (typeof body !== 'object' || body === null) throw new TypeError('body');
  if (typeof body.model !== 'string') throw new TypeError('model');
  if (!Array.isArray(body.messages) || body.messages.length === 0) throw new TypeError('messages');
  for (const message of body.messages) {
    if (typeof message !== 'object' || message === null || typeof message.role !== 'string')
      throw new TypeError('role');
    const { content } = message;
    if (content != null && typeof content !== 'string' && !Array.isArray(content)) throw new TypeError('content');
  }
  const { temperature, max_tokens: tokens } = body;
  if (temperature != null && !(temperature >= 0 && temperature <= 2)) throw new RangeError('temperature');
  if (tokens != null && !(Number.isInteger(tokens) && tokens > 0)) throw new RangeError('max_tokens');
}

function toGemini(body: ChatRequest): object {
  const contents: object[] = [];
  let system: object[] | null = null;
  for (const message of body.messages) {
    const parts = toParts(message.content ?? '');
    if (message.role === 'system') {
      system ??= [];
      system.push(...parts);
    } else contents.push({ role: message.role === 'assistant' ? 'model' : 'user', parts });
  }
  const generationConfig: Record<string, unknown> = {};
  if (body.temperature != null) generationConfig.temperature = body.temperature;
  if (body.top_p != null) generationConfig.topP = body.top_p;
  if (body.max_tokens != null) generationConfig.maxOutputTokens = body.max_tokens;
  if (body.stop != null) generationConfig.stopSequences = Array.isArray(body.stop) ? body.stop : [body.stop];
  const gemini: Record<string, unknown> = { contents, generationConfig };
  if (system) gemini.systemInstruction = { parts: system };
  return gemini;
}

function toParts(content: string | TextPart[]): object[] {
  return typeof content === 'string' ? [{ text: content }] : content.map((part) => ({ text: part.text }));
}

const finishReasons: Record<string, string> = { STOP: 'stop', MAX_TOKENS: 'length', SAFETY: 'content_filter' };

function toUsage(usage: Usage | undefined): object {
  return {
    prompt_tokens: usage?.promptTokenCount ?? 0,
    completion_tokens: (usage?.candidatesTokenCount ?? 0) + (usage?.thoughtsTokenCount ?? 0),
    total_tokens: usage?.totalTokenCount ?? 0,
  };
}

class UnaryHandler implements Dispatcher.DispatchHandler {
  readonly #response: ServerResponse;
  readonly #head: Head;
  #pieces: Buffer[] = [];

  constructor(response: ServerResponse, head: Head) {
    this.#response = response;
    this.#head = head;
  }

  // Undici takes handlers without these two for those of its older kind.
  onRequestStart(): void {}

  onResponseStart(): void {}

  onResponseData(_: Dispatcher.DispatchController, bytes: Buffer): void {
    this.#pieces.push(bytes);
  }

  onResponseEnd(): void {
    const [first = Buffer.alloc(0)] = this.#pieces;
    const bytes = this.#pieces.length === 1 ? first : Buffer.concat(this.#pieces);
    const gemini: GeminiResponse = JSON.parse(bytes.toString());
    const choices = (gemini.candidates ?? []).map((candidate, index) => {
      let content = '';
      for (const part of candidate.content?.parts ?? []) if (part.text != null) content += part.text;
      return {
        index: candidate.index ?? index,
        message: { role: 'assistant', content, refusal: null },
        logprobs: null,
        finish_reason: finishReasons[candidate.finishReason ?? ''] ?? 'stop',
      };
    });
    const { id, created } = this.#head;
    const usage = toUsage(gemini.usageMetadata);
    const answer = { id, object: 'chat.completion', created, model: this.#head.model, choices, usage };
    const text = JSON.stringify({ ...answer, system_fingerprint: null });
    const headers = { 'Content-Type': 'application/json; charset=utf-8', 'Content-Length': Buffer.byteLength(text) };
    this.#response.writeHead(200, headers).end(text);
  }

  onResponseError(_: Dispatcher.DispatchController, error: Error): void {
    this.#response.writeHead(502).end(error.message);
  }
}

class StreamHandler implements Dispatcher.DispatchHandler {
  readonly #response: ServerResponse;
  readonly #prefix: string;
  #tail: Buffer | null = null;
  #usage: Usage | undefined;
  #isFirst = true;

  constructor(response: ServerResponse, { id, created, model }: Head) {
    this.#response = response;
    this.#prefix = `data: {"id":"${id}","object":"chat.completion.chunk","created":${created},"model":${JSON.stringify(model)},"choices":[`;
  }

  onRequestStart(): void {}

  onResponseStart(): void {
    this.#response.writeHead(200, streamHeaders);
  }

  onResponseData(controller: Dispatcher.DispatchController, bytes: Buffer): void {
    const text = this.#translate(this.#tail === null ? bytes : Buffer.concat([this.#tail, bytes]));
    if (text !== '' && !this.#response.write(text)) {
      controller.pause();
      this.#response.once('drain', () => controller.resume());
    }
  }

  onResponseEnd(): void {
    const usage = JSON.stringify(toUsage(this.#usage));
    this.#response.end(`${this.#prefix}],"usage":${usage}}\n\ndata: [DONE]\n\n`);
  }

  onResponseError(): void {
    this.#response.destroy();
  }

  /** All events up to the last line end, as one text. */
  #translate(bytes: Buffer): string {
    const end = bytes.lastIndexOf(10) + 1;
    this.#tail = end < bytes.length ? bytes.subarray(end) : null;
    const lines = bytes.toString('utf8', 0, end);
    let text = '';
    for (let start = 0; ; ) {
      const next = lines.indexOf('\n', start);
      if (next < 0) return text;
      if (lines.startsWith('data: ', start)) text += this.#toChunks(lines.slice(start + 6, next));
      start = next + 1;
    }
  }

  #toChunks(json: string): string {
    const gemini: GeminiResponse = JSON.parse(json);
    if (gemini.usageMetadata) this.#usage = gemini.usageMetadata;
    let text = '';
    for (const { index = 0, content, finishReason } of gemini.candidates ?? []) {
      let words = '';
      for (const part of content?.parts ?? []) if (part.text != null) words += part.text;
      const role = this.#isFirst ? '"role":"assistant","refusal":null,' : '';
      const finish = finishReason ? `"${finishReasons[finishReason] ?? 'stop'}"` : 'null';
      text += `${this.#prefix}{"index":${index},"delta":{${role}"content":${JSON.stringify(words)}},"logprobs":null,"finish_reason":${finish}}]}\n\n`;
      this.#isFirst = false;
    }
    return text;
  }
}

let idCount = 0;
function newId(): string {
  idCount++;
  return `chatcmpl-${idCount.toString(36).padStart(8, '0')}k3Zq9XvLm2pQwRtYs`;
}
