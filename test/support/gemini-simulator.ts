import { createServer, type IncomingHttpHeaders, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { GeminiErrorBody, GenerateContentRequest, UsageMetadata } from '../../server/gemini/types.ts';
import { type GeminiAnswer, type Reply, text } from './gemini-answers.ts';
import { type CountTokensRequest, checkCountRequest, checkRequest } from './gemini-checks.ts';
import { failure, jsonType, noKey, unknownModel } from './gemini-failures.ts';
import { countPrompt, mergeResponses, toResponses } from './simulated-answer.ts';
import { checkEmbedding, embed } from './simulated-embedding.ts';
import { modelCard, modelPage, simulatedModels } from './simulated-models.ts';

/** One call as the simulator saw it. */
export interface SimulatedCall {
  /** From 1. */
  n: number;
  /** Wall clock, ms since 1970, as all times here. */
  at: number;
  method: string;
  path: string;
  query: string;
  headers: IncomingHttpHeaders;
  /** What came in `x-goog-api-key`. */
  key: string | null;
  /** '' when the call names none. */
  model: string;
  /** `generateContent`, `streamGenerateContent`, `embedContent`, `batchEmbedContents`, `countTokens`, or `models` for the lists. */
  action: string;
  /** Parsed, or the text if it is not JSON. */
  body: GenerateContentRequest;
  /** Null until there is one. */
  status: number | null;
  /** When the caller hung up before the answer was complete. */
  abortedAt: number | null;
  endedAt: number | null;
  /** Resolves when the answer is complete or the caller hung up. */
  ended: Promise<void>;
  /** The last usage that was reported to the caller: what the ledger must hold. */
  usage: UsageMetadata | null;
}

/** What the calls that fit are answered with. The first rule that fits and has an answer left holds. */
export interface Rule {
  key?: string;
  model?: string;
  /** Which calls it is about: `generation` (the default), `embedding`, `models` for the lists, or all of them, as for a dead key. */
  calls?: 'generation' | 'embedding' | 'models' | 'all';
  /** A list is used up in order, then the rule is spent; a function may decline by null. One answer or a function stays. */
  answer: GeminiAnswer | GeminiAnswer[] | ((call: SimulatedCall) => GeminiAnswer | null | Promise<GeminiAnswer | null>);
}

export interface SimulatedGemini {
  /** To be given as GEMINI_BASE_URL. */
  url: string;
  /** Every call, in the order of arrival. */
  calls: SimulatedCall[];
  /** The calls that ask a model for an answer. */
  generations(): SimulatedCall[];
  script(rule: Rule): void;
  /** Forgets the calls and the script. */
  reset(): void;
  close(): Promise<void>;
}

export interface SimulatedGeminiOptions {
  /** A free one unless given. */
  port?: number;
  models?: readonly string[];
}

interface JsonAnswer {
  kind: 'json';
  value: unknown;
}

const defaultAnswer = text('Hello from the simulated Gemini.');

/** A real HTTP server that behaves as generativelanguage.googleapis.com does, as far as its behaviour was recorded. */
export async function startSimulatedGemini(options: SimulatedGeminiOptions = {}): Promise<SimulatedGemini> {
  const { port = 0, models = simulatedModels } = options;
  const calls: SimulatedCall[] = [];
  let rules: Rule[] = [];

  const server = createServer(async (request, response) => {
    const call = openCall(request, response, calls);
    const body = await readBody(request);
    if (body === null) return;
    call.body = parse(body);
    try {
      await perform(await decide(call), call, response);
    } catch (error) {
      // A mistake in a test's own script: told, so that it is not taken for Google's.
      console.error('The simulated Gemini failed:', error);
      response.destroy();
    }
  });

  /** A request is checked before the script is asked, so that a refused request uses nothing of the script up. */
  async function decide(call: SimulatedCall): Promise<GeminiAnswer | JsonAnswer> {
    if (call.key === null) return noKey();
    if (isGeneration(call)) {
      if (!models.includes(call.model) || embeds(call.model)) return unknownModel(call.model);
      return checkRequest(call.model, call.body) ?? (await takeScripted(call)) ?? defaultAnswer;
    }
    if (isEmbedding(call)) {
      if (!models.includes(call.model) || !embeds(call.model)) return unknownModel(call.model, call.action);
      return checkEmbedding(call.model, call.action, call.body) ?? (await takeScripted(call)) ?? answerEmbedding(call);
    }
    const scripted = await takeScripted(call);
    if (scripted) return scripted;
    if (call.action === 'models' && call.model === '') {
      return { kind: 'json', value: modelPage(models, new URLSearchParams(call.query)) };
    }
    if (!models.includes(call.model)) return unknownModel(call.model);
    if (call.action === 'models') return { kind: 'json', value: modelCard(call.model) };
    if (call.action === 'countTokens') return checkCountRequest(call.body) ?? answerCount(call);
    return failure(404, 'NOT_FOUND', 'Requested entity was not found.');
  }

  async function takeScripted(call: SimulatedCall): Promise<GeminiAnswer | null> {
    const kind = isGeneration(call) ? 'generation' : isEmbedding(call) ? 'embedding' : 'models';
    for (const { key = call.key, model = call.model, calls: about = 'generation', answer } of rules) {
      if (key !== call.key || model !== call.model || (about !== 'all' && about !== kind)) continue;
      const taken = typeof answer === 'function' ? await answer(call) : Array.isArray(answer) ? answer.shift() : answer;
      if (taken) return taken;
    }
    return null;
  }

  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(port, '127.0.0.1', resolve);
  });
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    calls,
    generations: () => calls.filter(isGeneration),
    script: ({ answer, ...rule }) => rules.push({ ...rule, answer: Array.isArray(answer) ? [...answer] : answer }),
    reset() {
      calls.length = 0;
      rules = [];
    },
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

function isGeneration({ action }: SimulatedCall): boolean {
  return action === 'generateContent' || action === 'streamGenerateContent';
}

function isEmbedding({ action }: SimulatedCall): boolean {
  return action === 'embedContent' || action === 'batchEmbedContents';
}

const embeds = (model: string) => model.includes('embedding');

function answerEmbedding(call: SimulatedCall): JsonAnswer {
  const { value, usage } = embed(call.model, call.action, call.body);
  call.usage = usage;
  return { kind: 'json', value };
}

function answerCount({ body }: SimulatedCall): JsonAnswer {
  const tokenCount = countPrompt((body as CountTokensRequest).generateContentRequest ?? body);
  const promptTokensDetails = [{ modality: 'TEXT', tokenCount }];
  return { kind: 'json', value: { totalTokens: tokenCount, promptTokensDetails } };
}

/** Enters a call into the log, and its end when it comes. */
function openCall(request: IncomingMessage, response: ServerResponse, calls: SimulatedCall[]): SimulatedCall {
  const url = new URL(request.url ?? '/', 'http://simulated');
  const [, , model = '', action = ''] = /^\/v1(beta)?\/models\/?([^:]*):?(.*)$/.exec(url.pathname) ?? [];
  const { 'x-goog-api-key': key } = request.headers;
  const { promise: ended, resolve: end } = Promise.withResolvers<void>();
  const call: SimulatedCall = {
    n: calls.length + 1,
    at: Date.now(),
    method: request.method ?? '',
    path: url.pathname,
    query: url.search.slice(1),
    headers: request.headers,
    key: typeof key === 'string' ? key : null,
    model: decodeURIComponent(model),
    action: action || 'models',
    body: {} as GenerateContentRequest,
    status: null,
    abortedAt: null,
    endedAt: null,
    ended,
    usage: null,
  };
  calls.push(call);
  // Writing to a caller who has just hung up is no mistake.
  response.on('error', () => {});
  response.on('close', () => {
    call.endedAt = Date.now();
    if (!response.writableFinished && !cutByUs.has(response)) call.abortedAt = call.endedAt;
    end();
  });
  return call;
}

/** Answers that the simulator broke off itself. */
const cutByUs = new WeakSet<ServerResponse>();

/** Null when the caller hung up. */
async function readBody(request: IncomingMessage): Promise<string | null> {
  const pieces: Buffer[] = [];
  try {
    for await (const piece of request) pieces.push(piece);
  } catch {
    return null;
  }
  return Buffer.concat(pieces).toString();
}

function parse(body: string): GenerateContentRequest {
  try {
    return JSON.parse(body);
  } catch {
    return body as unknown as GenerateContentRequest;
  }
}

async function perform(
  answer: GeminiAnswer | JsonAnswer,
  call: SimulatedCall,
  response: ServerResponse,
): Promise<void> {
  switch (answer.kind) {
    case 'hang':
      return;
    case 'reset':
      return cut(response);
    case 'json':
      call.status = 200;
      response.writeHead(200, { 'content-type': jsonType }).end(JSON.stringify(answer.value, null, 2));
      return;
    case 'error':
      return sendError(answer.error, call, response, answer.contentType);
    case 'raw':
      call.status = answer.status;
      response.writeHead(answer.status, { 'content-type': answer.contentType });
      for (const piece of answer.pieces) await write(response, piece);
      response.end();
      return;
    case 'reply':
      call.status = 200;
      return call.action === 'streamGenerateContent'
        ? stream(answer, call, response)
        : sendWhole(answer, call, response);
  }
}

async function sendWhole(reply: Reply, call: SimulatedCall, response: ServerResponse): Promise<void> {
  await Promise.race([reply.beforeFrame?.(0), hungUp(response)]);
  if (response.destroyed || reply.ending === 'hang') return;
  if (reply.ending === 'reset') return cut(response);
  const whole = mergeResponses(toResponses(reply, call.model, countPrompt(call.body), call.n));
  call.usage = whole.usageMetadata ?? null;
  const error = reply.ending && { error: reply.ending.error };
  response.writeHead(200, { 'content-type': jsonType }).end(JSON.stringify(error ?? whole, null, 2));
}

async function stream(reply: Reply, call: SimulatedCall, response: ServerResponse): Promise<void> {
  response.writeHead(200, { 'content-type': 'text/event-stream' }).flushHeaders();
  const frames = toResponses(reply, call.model, countPrompt(call.body), call.n);
  const gone = hungUp(response);
  for (const [index, frame] of frames.entries()) {
    await Promise.race([reply.beforeFrame?.(index), gone]);
    if (response.destroyed) return;
    call.usage = frame.usageMetadata ?? call.usage;
    await write(response, `data: ${JSON.stringify(frame)}\r\n\r\n`);
  }
  if (reply.ending === 'hang') return;
  if (reply.ending === 'reset') return cut(response);
  if (reply.ending) {
    const { error, isBare } = reply.ending;
    await write(response, isBare ? JSON.stringify({ error }, null, 2) : `data: ${JSON.stringify({ error })}\r\n\r\n`);
  }
  response.end();
}

function sendError(error: GeminiErrorBody, call: SimulatedCall, response: ServerResponse, contentType?: string): void {
  call.status = error.code ?? 500;
  // Errors of a streamed call come as plain JSON under the stream's type.
  const type = call.action === 'streamGenerateContent' ? 'text/event-stream' : jsonType;
  response.writeHead(call.status, { 'content-type': contentType ?? type });
  response.end(`${JSON.stringify({ error }, null, 2)}\n`);
}

/** Resolves when the bytes have left, or cannot any more. */
function write(response: ServerResponse, piece: string | Buffer): Promise<void> {
  return new Promise((resolve) => response.write(piece, () => resolve()));
}

async function hungUp(response: ServerResponse): Promise<void> {
  if (!response.destroyed) await new Promise((resolve) => response.once('close', resolve));
}

function cut(response: ServerResponse): void {
  cutByUs.add(response);
  response.socket?.resetAndDestroy();
}
