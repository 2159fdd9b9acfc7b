import { connect } from 'node:net';
import { Readable } from 'node:stream';
import fc from 'fast-check';
import { Pool } from 'undici';
import { expect, test } from 'vitest';
import { startTestGateway } from '../support/gateway.ts';
import { type GeminiCallRecord, type ScriptedAnswer, text } from '../support/simulated-gemini.ts';

/** The same requests in every run. */
const seed = 20_261_126;
const requestCount = 10_000;
const rawCount = 500;
const parallel = 16;
/** No answer takes longer, however busy the machine is. */
const answerMsMax = 60_000;

const model = 'gemini-3.8-flash';
const tool = { name: 'f', parameters: { type: 'object', properties: { a: { type: 'string' } } } };
const image = 'data:image/png;base64,iVBORw0KGgo=';

/** A request that is right, for every endpoint; what is sent are spoilt copies of it. */
const endpoints: readonly (readonly [path: string, body: object])[] = [
  [
    '/v1/chat/completions',
    {
      model,
      messages: [
        { role: 'system', content: 'Be brief.' },
        {
          role: 'user',
          content: [
            { type: 'text', text: 'Hi' },
            { type: 'image_url', image_url: { url: image } },
          ],
        },
        { role: 'assistant', tool_calls: [{ id: 'c', type: 'function', function: { name: 'f', arguments: '{}' } }] },
        { role: 'tool', tool_call_id: 'c', content: 'ok' },
      ],
      tools: [{ type: 'function', function: tool }],
      tool_choice: 'auto',
      response_format: { type: 'json_schema', json_schema: { name: 'n', schema: tool.parameters } },
      stream_options: { include_usage: true },
      reasoning_effort: 'low',
      stop: ['x'],
      extra_body: { google: { safety_settings: [{ category: 'C', threshold: 'OFF' }] } },
    },
  ],
  [
    '/v1/responses',
    {
      model,
      instructions: 'Be brief.',
      input: [
        {
          role: 'user',
          content: [
            { type: 'input_text', text: 'Hi' },
            { type: 'input_image', image_url: image },
          ],
        },
        { type: 'function_call', call_id: 'c', name: 'f', arguments: '{}' },
        { type: 'function_call_output', call_id: 'c', output: 'ok' },
        { type: 'reasoning', summary: [], encrypted_content: 'gts1:e30' },
      ],
      tools: [{ type: 'function', ...tool }],
      reasoning: { effort: 'low', summary: 'auto' },
      text: { format: { type: 'json_schema', name: 'n', schema: tool.parameters } },
    },
  ],
  [
    '/v1/messages',
    {
      model,
      max_tokens: 100,
      system: [{ type: 'text', text: 'Be brief.', cache_control: { type: 'ephemeral' } }],
      messages: [
        { role: 'user', content: 'Hi' },
        { role: 'assistant', content: [{ type: 'tool_use', id: 'c', name: 'f', input: {} }] },
        { role: 'user', content: [{ type: 'tool_result', tool_use_id: 'c', content: [{ type: 'text', text: 'ok' }] }] },
      ],
      tools: [{ name: 'f', input_schema: tool.parameters }],
      thinking: { type: 'enabled', budget_tokens: 1024 },
    },
  ],
  ['/v1/messages/count_tokens', { model, messages: [{ role: 'user', content: 'Hi' }] }],
  ['/v1/embeddings', { model: 'gemini-embedding-001', input: ['a', 'b'], dimensions: 8, encoding_format: 'float' }],
  ['/v1/completions', { model, prompt: ['a', 'b'], max_tokens: 5, stop: 'x' }],
  ['/v1/images/generations', { model: 'gemini-3.1-flash-image', prompt: 'a cat', n: 1, size: '1024x1024' }],
  ['/v1/audio/speech', { model: 'gemini-3.8-flash-tts', input: 'Hi', voice: 'alloy', response_format: 'wav' }],
  ['/v1/audio/transcriptions', { model, file: 'no file' }],
  [
    `/v1beta/models/${model}:generateContent`,
    { contents: [{ role: 'user', parts: [{ text: 'Hi' }] }], generationConfig: { maxOutputTokens: 5 } },
  ],
  [`/v1beta/models/${model}:streamGenerateContent?alt=sse`, { contents: [{ parts: [{ text: 'Hi' }] }] }],
  ['/v1beta/cachedContents', { model: `models/${model}`, contents: [{ parts: [{ text: 'Hi' }] }] }],
  ['/v1beta/interactions', { model, input: 'Hi', previous_interaction_id: 'i' }],
];

const junk: fc.Arbitrary<unknown> = fc.oneof(
  fc.constantFrom<unknown>(null, true, 0, -1, 1.5, 1e308, '', '\u0000', '\ud800', '__proto__', [], {}, [[]], [null]),
  fc.constantFrom<unknown>(
    { __proto__: null, constructor: {} },
    { toString: 1, valueOf: 1 },
    'toString',
    'x'.repeat(3000),
  ),
  fc.jsonValue({ maxDepth: 3 }),
  fc.string({ unit: 'binary', maxLength: 40 }),
  fc.constantFrom('http://127.0.0.1:9/x.png', 'http://[::1]/', 'file:///etc/passwd', 'data:', 'data:;base64', image),
);
const edit = fc.record({
  at: fc.nat(1000),
  kind: fc.constantFrom('replace', 'remove', 'add', 'repeat', 'wrap') as fc.Arbitrary<
    'replace' | 'remove' | 'add' | 'repeat' | 'wrap'
  >,
  junk,
});
/** What is done to the JSON text. */
const spoil = fc.constantFrom(
  (text: string) => Buffer.from(text),
  (text: string) => Buffer.from(text),
  (text: string) => Buffer.from(text),
  (text: string) => Buffer.from(text.slice(0, text.length >> 1)),
  (text: string) => Buffer.from(`${text}}`),
  (text: string) =>
    Buffer.concat([Buffer.from(text.slice(0, 30)), Buffer.from([0xff, 0xc3, 0x28]), Buffer.from(text.slice(30))]),
  (text: string) => Buffer.from(`\ufeff${text}`),
  (text: string) => Buffer.from(text, 'utf16le'),
  (text: string) => Buffer.from(`{"a":${'['.repeat(5000)}${text}`),
  (text: string) => Buffer.from(text.replace('{', '{"model":"a","model":')),
  (text: string) => Buffer.from(text.replace(/"[^"]{2}/, '"\\ud800')),
  () => Buffer.alloc(0),
);
const headers = fc.record(
  {
    'content-type': fc.constantFrom(
      'application/json',
      'text/plain',
      'application/x-www-form-urlencoded',
      'multipart/form-data',
      'multipart/form-data; boundary=x',
      '',
    ),
    'content-encoding': fc.constantFrom('gzip', 'br', 'zstd', 'identity', 'none', 'gzip, gzip'),
    accept: fc.constantFrom('text/event-stream', '', 'a/b;q=x'),
    'anthropic-version': fc.constantFrom('2023-06-01', ''),
    'x-client-request-id': fc.string({ maxLength: 200 }).map((text) => text.replace(/[^\x20-\x7e]/g, '')),
    'x-forwarded-for': fc.constantFrom('1.2.3.4', ',,,', '::1'),
    'x-filler': fc.constant('x'.repeat(8000)),
  },
  { requiredKeys: [] },
);
const request = fc.record({
  endpoint: fc.nat(endpoints.length - 1),
  edits: fc.array(edit, { minLength: 1, maxLength: 4 }),
  isStreaming: fc.boolean(),
  spoil,
  headers,
  isChunked: fc.boolean(),
});

/** All places of a JSON value: its objects and lists with the names in them. */
function placesIn(value: unknown): [Record<string, unknown>, string][] {
  if (typeof value !== 'object' || value === null) return [];
  const holder = value as Record<string, unknown>;
  return Object.keys(holder).flatMap((name) => [[holder, name] as [typeof holder, string], ...placesIn(holder[name])]);
}

function spoiltBody({
  endpoint,
  edits,
  isStreaming,
}: {
  endpoint: number;
  edits: readonly unknown[];
  isStreaming: boolean;
}) {
  const body = structuredClone(endpoints[endpoint]?.[1] ?? {}) as Record<string, unknown>;
  if (isStreaming) body.stream = true;
  for (const { junk, ...each } of edits as { at: number; kind: string; junk: unknown }[]) {
    const places = placesIn(body);
    const [holder, name] = places[each.at % Math.max(1, places.length)] ?? [body, 'model'];
    if (each.kind === 'replace') holder[name] = structuredClone(junk);
    else if (each.kind === 'remove') delete holder[name];
    else if (each.kind === 'add') holder[JSON.stringify(junk).slice(0, 20)] = structuredClone(junk);
    else if (each.kind === 'repeat') holder[name] = Array.from({ length: 20 }, () => structuredClone(holder[name]));
    else holder[name] = [holder[name], structuredClone(junk)];
  }
  return JSON.stringify(body);
}

test('ten thousand malformed requests get no 5xx, leave nothing open and harm no key', {
  timeout: 600_000,
}, async () => {
  const { url, gemini, signIn, graphql } = await startTestGateway();
  gemini.answerWith(answerOf);
  await signIn();
  const { clientKeyCreate } = await graphql(
    `mutation { clientKeyCreate(input: {name: "fuzz"}) { ... on ClientKeyCreateSuccess { secret } } }`,
  );
  const pool = new Pool(url, { connections: parallel, headersTimeout: answerMsMax, bodyTimeout: answerMsMax });
  const requestIds = new Set<string>();
  const wrong: string[] = [];
  const statuses = new Map<number, number>();

  async function send(each: typeof request extends fc.Arbitrary<infer R> ? R : never): Promise<void> {
    const [path = ''] = endpoints[each.endpoint] ?? [];
    const bytes = each.spoil(spoiltBody(each));
    const answer = await pool.request({
      path,
      method: 'POST',
      headers: {
        'content-type': 'application/json',
        ...each.headers,
        authorization: `Bearer ${clientKeyCreate.secret}`,
      },
      body: each.isChunked ? Readable.from(inPieces(bytes)) : bytes,
    });
    const answered = await answer.body.text();
    statuses.set(answer.statusCode, (statuses.get(answer.statusCode) ?? 0) + 1);
    requestIds.add(String(answer.headers['x-request-id']));
    if (answer.statusCode >= 500)
      wrong.push(`${answer.statusCode} ${path} ${bytes.toString().slice(0, 500)} → ${answered.slice(0, 300)}`);
    else if (answer.statusCode >= 400 && !/"message"/.test(answered))
      wrong.push(`no message: ${path} ${answered.slice(0, 200)}`);
  }

  const requests = fc.sample(request, { numRuns: requestCount, seed }).values();
  const work = async () => {
    for (const each of requests) await send(each).catch((error) => wrong.push(`${error}`));
  };
  await Promise.all(Array.from({ length: parallel }, work));
  await pool.close();
  expect(wrong.slice(0, 5)).toEqual([]);
  // The spoiling must not be so gross that nothing gets as far as Gemini, nor so mild that nothing is refused.
  expect(statuses.get(200) ?? 0).toBeGreaterThan(requestCount / 50);
  expect(statuses.get(400) ?? 0).toBeGreaterThan(requestCount / 4);

  await rawRequests(new URL(url).port);
  expect((await fetch(`${url}/readyz`)).status).toBe(200);

  const { ledger, upstreamKeys } = await graphql(
    '{ ledger { openRequests headPosition } upstreamKeys(first: 10) { nodes { status lastFailure } } }',
  );
  expect(ledger.openRequests).toBe(0);
  expect(upstreamKeys.nodes.map(({ status }: { status: string }) => status)).toEqual(['ACTIVE', 'ACTIVE']);
  for (let after = 0; after < ledger.headPosition; after += 200) {
    const { usageEvents } = await graphql(
      'query ($after: SafeInt!) { usageEvents(after: $after, first: 200) { nodes { requestId } } }',
      { after },
    );
    const strangers = usageEvents.nodes.filter(
      ({ requestId: id }: { requestId: string | null }) => id && !requestIds.has(id),
    );
    expect(strangers).toEqual([]);
  }
});

/** What Gemini answers to what is not a question to a model. */
function answerOf({ path, body }: GeminiCallRecord): ScriptedAnswer | null {
  if (path.includes(':countTokens')) return { json: { totalTokens: 3 } };
  if (path.includes(':embedContent')) return { json: { embedding: { values: [1, 0] } } };
  if (path.includes(':batchEmbedContents'))
    return { json: { embeddings: body.requests.map(() => ({ values: [1, 0] })) } };
  const modalities = body?.generationConfig?.responseModalities ?? [];
  if (modalities.includes?.('AUDIO')) return { json: mediaAnswer('audio/L16;rate=24000') };
  if (modalities.includes?.('IMAGE')) return { json: mediaAnswer('image/png') };
  if (path.includes('/interactions')) return { json: { id: 'i', steps: [] } };
  return path.includes('/cachedContents') ? { json: { name: 'cachedContents/c' } } : null;
}

function mediaAnswer(mimeType: string) {
  const content = { role: 'model' as const, parts: [{ inlineData: { mimeType, data: 'AAAA' } }] };
  return text('', { candidates: [{ content, finishReason: 'STOP' }] });
}

async function* inPieces(bytes: Buffer): AsyncGenerator<Buffer> {
  for (let start = 0; start < bytes.length; start += 97) yield bytes.subarray(start, start + 97);
}

const rawPiece = fc.constantFrom(
  'POST /v1/chat/completions HTTP/1.1\r\n',
  'GET / HTTP/1.1\r\n',
  'POST http://elsewhere.example/v1/chat/completions HTTP/1.1\r\n',
  'host: a\r\n',
  'content-length: 5\r\n',
  'content-length: -1\r\n',
  'content-length: 5\r\ncontent-length: 6\r\n',
  'transfer-encoding: chunked\r\n',
  'transfer-encoding: chunked\r\ncontent-length: 3\r\n',
  ' folded\r\n',
  'x: \u0000\r\n',
  'x\r\n',
  '\r\n',
  '5\r\nhello\r\n',
  'zz\r\n',
  '0\r\n\r\n',
  '{"model":',
  '\u00ff\u00fe',
);

/** Bytes that are hardly HTTP: each connection ends, with an answer or without. */
async function rawRequests(port: string): Promise<void> {
  for (const pieces of fc.sample(fc.array(rawPiece, { minLength: 1, maxLength: 8 }), { numRuns: rawCount, seed })) {
    await new Promise<void>((resolve) => {
      const socket = connect(Number(port), '127.0.0.1', () => socket.end(pieces.join(''), 'latin1'));
      socket.on('error', () => {});
      socket.on('close', () => resolve());
      socket.resume();
    });
  }
}
