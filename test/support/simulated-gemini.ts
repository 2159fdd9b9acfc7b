import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { onTestFinished } from 'vitest';
import type { GenerateContentResponse } from '../../server/gemini/types.ts';
import type { AtEnd } from './temporary-folder.ts';

/** One call as the simulated Gemini saw it: what tests compare the ledger with. */
export interface GeminiCallRecord {
  method: string;
  path: string;
  key: string;
  headers: IncomingMessage['headers'];
  // biome-ignore lint/suspicious/noExplicitAny: tests look into bodies freely.
  body: any;
  /** The body as it came. */
  text: string;
  /** Resolves when the caller hung up before the answer ended. */
  aborted: Promise<void>;
}

export type ScriptedAnswer =
  | { json: unknown; status?: number; headers?: Record<string, string> }
  /** Bytes as they are, one write each. */
  | { raw: (string | Buffer)[]; headers: Record<string, string> }
  /** Frames of a stream; a promise among them is waited for. */
  | { frames: Iterable<GenerateContentResponse | Promise<unknown>>; isCut?: boolean }
  /** Never answers. */
  | { hangs: true }
  /** Whatever HTTP allows, and what it does not. */
  | { write(response: ServerResponse): void | Promise<void> };

export interface SimulatedGemini {
  url: string;
  calls: GeminiCallRecord[];
  /** Ends each connection with its first answer; false unless set. */
  closesConnections: boolean;
  /** Connections that are open. */
  connections(): Promise<number>;
  /** Calls of a model, without lists of models. */
  generations(): GeminiCallRecord[];
  /** What is answered from now on; null or undefined: a plain success. */
  answerWith(script: (call: GeminiCallRecord) => ScriptedAnswer | null | undefined): void;
  /** The same for lists of models. */
  answerListsWith(script: (call: GeminiCallRecord) => ScriptedAnswer | null | undefined): void;
}

const models = ['gemini-3.8-flash', 'gemini-3.5-flash', 'gemini-2.5-flash'];

/** Gemini on loopback: a real server that speaks Google's wire format and keeps a log of all calls. Ends with the test. */
export async function startSimulatedGemini(atEnd: AtEnd = onTestFinished): Promise<SimulatedGemini> {
  const calls: GeminiCallRecord[] = [];
  let script: Parameters<SimulatedGemini['answerWith']>[0] = () => null;
  let listScript = script;
  const server = createServer(async (request, response) => {
    if (gemini.closesConnections) response.shouldKeepAlive = false;
    const { promise: aborted, resolve: abort } = Promise.withResolvers<void>();
    response.on('close', () => {
      if (!response.writableFinished) abort();
    });
    const text = await readText(request);
    const call: GeminiCallRecord = {
      method: request.method ?? '',
      path: request.url ?? '',
      key: String(request.headers['x-goog-api-key'] ?? ''),
      headers: request.headers,
      body: parse(text),
      text,
      aborted,
    };
    calls.push(call);
    if (call.method === 'GET' && /^\/v1beta\/models(?!\/[^/]+\/operations\/)/.test(call.path))
      await send(response, listScript(call) ?? { json: { models: models.map(modelCard) } });
    else await send(response, script(call) ?? healthy(call));
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  atEnd(() => {
    server.closeAllConnections();
    server.close();
  });
  const gemini: SimulatedGemini = {
    closesConnections: false,
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    calls,
    connections: () => new Promise((resolve) => server.getConnections((_error, count) => resolve(count))),
    generations: () => calls.filter(({ method }) => method === 'POST'),
    answerWith(next) {
      script = next;
    },
    answerListsWith(next) {
      listScript = next;
    },
  };
  return gemini;
}

/** A success with one text, counting 7 tokens in and 3 out. */
export function text(words: string, more: Partial<GenerateContentResponse> = {}): GenerateContentResponse {
  return {
    candidates: [{ content: { role: 'model', parts: [{ text: words }] }, finishReason: 'STOP', index: 0 }],
    usageMetadata: { promptTokenCount: 7, candidatesTokenCount: 3, totalTokenCount: 10 },
    modelVersion: 'gemini-3.8-flash',
    responseId: 'answer',
    ...more,
  };
}

/** A frame of a stream that goes on. */
export function frame(words: string): GenerateContentResponse {
  return { candidates: [{ content: { role: 'model', parts: [{ text: words }] }, index: 0 }], responseId: 'answer' };
}

/** Google's error object. */
export function googleError(status: number, name: string, message: string, details: unknown[] = []): ScriptedAnswer {
  return { status, json: { error: { code: status, message, status: name, details } } };
}

/** A spent quota; `quotaId` says which. */
export function exhausted(quotaId: string, retryDelay: string): ScriptedAnswer {
  return googleError(
    429,
    'RESOURCE_EXHAUSTED',
    'You exceeded your current quota, please check your plan and billing details.',
    [
      { '@type': 'type.googleapis.com/google.rpc.QuotaFailure', violations: [{ quotaId, quotaValue: '20' }] },
      { '@type': 'type.googleapis.com/google.rpc.RetryInfo', retryDelay },
    ],
  );
}

function healthy(call: GeminiCallRecord): ScriptedAnswer {
  return call.path.includes(':streamGenerateContent')
    ? { frames: [frame('Hel'), text('lo')] }
    : { json: text('Hello') };
}

async function send(response: ServerResponse, answer: ScriptedAnswer): Promise<void> {
  if ('hangs' in answer) return;
  if ('write' in answer) return answer.write(response);
  if ('json' in answer) return sendJson(response, answer.status ?? 200, answer.json, answer.headers);
  if ('raw' in answer) {
    response.writeHead(200, answer.headers);
    for (const piece of answer.raw) await new Promise((written) => response.write(piece, written));
    response.end();
    return;
  }
  response.writeHead(200, { 'content-type': 'text/event-stream' });
  response.flushHeaders();
  for (const item of answer.frames) {
    if (item instanceof Promise) await item;
    else await new Promise((written) => response.write(`data: ${JSON.stringify(item)}\r\n\r\n`, written));
  }
  if (answer.isCut) response.destroy();
  else response.end();
}

function sendJson(response: ServerResponse, status: number, json: unknown, headers: Record<string, string> = {}): void {
  const all = { 'content-type': 'application/json; charset=UTF-8', ...headers };
  response.writeHead(status, all).end(JSON.stringify(json, null, 2));
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return null;
  }
}

async function readText(request: IncomingMessage): Promise<string> {
  const pieces: Buffer[] = [];
  for await (const piece of request) pieces.push(piece);
  return Buffer.concat(pieces).toString('utf8');
}

function modelCard(id: string) {
  return {
    name: `models/${id}`,
    displayName: id,
    inputTokenLimit: 1_048_576,
    outputTokenLimit: 65_536,
    supportedGenerationMethods: ['generateContent', 'countTokens'],
  };
}
