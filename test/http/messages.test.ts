import { describe, expect, test } from 'vitest';
import { encodeCarrier } from '../../server/formats/to-gemini/signature-carrier.ts';
import { dummySignature } from '../../server/gemini/repair-request.ts';
import type { GenerateContentRequest } from '../../server/gemini/types.ts';
import { claudeCodeRequest } from '../formats/anthropic/claude-code.ts';
import { startTestGateway } from '../support/gateway.ts';
import { frame, googleError, text } from '../support/simulated-gemini.ts';

const model = 'gemini-3.8-flash';
const hello = { role: 'user', content: 'Hello?' };
const tools = [{ name: 'look', input_schema: { type: 'object' } }];
const requestsQuery = '{ requests(first: 10) { nodes { outcome tokens { total isEstimated } error { code } } } }';

/** A gateway and a way to call it as Anthropic's clients do. */
async function startGateway() {
  const gateway = await startTestGateway();
  const client = await gateway.openai();
  const post = (path: string, body: object, init: RequestInit = {}) =>
    fetch(gateway.url + path, {
      method: 'POST',
      headers: { 'x-api-key': String(client.apiKey), 'anthropic-version': '2023-06-01' },
      body: JSON.stringify({ model, max_tokens: 1000, messages: [hello], ...body }),
      ...init,
    });
  // biome-ignore lint/suspicious/noExplicitAny: tests look into answers freely.
  const message = async (body: object): Promise<any> => (await post('/v1/messages?beta=true', body)).json();
  const events = async (body: object) => eventsIn(await (await post('/v1/messages', { stream: true, ...body })).text());
  return { ...gateway, client, post, message, events };
}

// biome-ignore lint/suspicious/noExplicitAny: tests look into events freely.
function eventsIn(stream: string): any[] {
  return [...stream.matchAll(/^event: .*\ndata: (.*)\n\n/gm)].map(([, data = '']) => JSON.parse(data));
}

/** That of the last part of the model's turn. */
function signatureOf(call: { body: GenerateContentRequest } | undefined): string | undefined {
  return call?.body.contents[1]?.parts?.at(-1)?.thoughtSignature;
}

function calls(...parts: object[]) {
  return text('', { candidates: [{ content: { role: 'model', parts }, finishReason: 'STOP' }] });
}

describe('a message', () => {
  test('with a picture is answered, with its usage', async () => {
    const { message, gemini } = await startGateway();
    const image = { type: 'image', source: { type: 'base64', media_type: 'image/png', data: 'iVBORw0KGgo=' } };
    expect(await message({ messages: [{ role: 'user', content: [image] }] })).toEqual({
      id: 'msg_answer',
      type: 'message',
      role: 'assistant',
      model,
      content: [{ type: 'text', text: 'Hello' }],
      stop_reason: 'end_turn',
      stop_sequence: null,
      stop_details: null,
      container: null,
      usage: { input_tokens: 7, cache_creation_input_tokens: 0, cache_read_input_tokens: 0, output_tokens: 3 },
    });
    const [call] = gemini.generations();
    expect(call?.path).toBe(`/v1beta/models/${model}:generateContent`);
    expect(call?.headers).not.toHaveProperty('x-api-key');
    expect(call?.headers).not.toHaveProperty('anthropic-version');
    expect(call?.body).toEqual({
      contents: [{ role: 'user', parts: [{ inlineData: { mimeType: 'image/png', data: 'iVBORw0KGgo=' } }] }],
      generationConfig: { maxOutputTokens: 1000 },
    });
  });

  test('of Claude Code is streamed', async () => {
    const { post, gemini } = await startGateway();
    const response = await post('/v1/messages?beta=true', claudeCodeRequest);
    expect(response.headers.get('content-type')).toBe('text/event-stream; charset=utf-8');
    expect(response.headers.get('x-ignored-params')).toBeNull();
    expect(response.headers.get('request-id')).toMatch(/^req_/);
    expect(eventsIn(await response.text()).map(({ type, delta }) => delta?.text ?? type)).toEqual([
      'message_start',
      'ping',
      'content_block_start',
      'Hel',
      'lo',
      'content_block_stop',
      'message_delta',
      'message_stop',
    ]);
    expect(gemini.generations()[0]?.path).toBe(`/v1beta/models/${model}:streamGenerateContent?alt=sse`);
  });

  test('whose caller goes away ends the upstream call, and is settled as cancelled', async () => {
    const { post, gemini, graphql } = await startGateway();
    gemini.answerWith(() => ({ frames: [frame('Hel'), new Promise(() => {})] }));
    const leaving = new AbortController();
    const response = await post('/v1/messages', { stream: true }, { signal: leaving.signal });
    await response.body?.getReader().read();
    leaving.abort();
    await gemini.generations()[0]?.aborted;
    await expect.poll(async () => (await graphql(requestsQuery)).requests.nodes[0].outcome).toBe('CANCELLED');
  });

  test('that fails is a status before its stream, and an error event within', async () => {
    const { events, post, gemini } = await startGateway();
    const refused = await post('/v1/messages', { stream: true, max_tokens: undefined });
    expect([refused.status, await refused.text()]).toEqual([400, expect.stringContaining('max_tokens')]);
    expect(gemini.generations()).toEqual([]);
    gemini.answerWith(() => ({ frames: [frame('Hel')], isCut: true }));
    expect((await events({})).at(-1)).toMatchObject({ type: 'error', error: { type: 'api_error' } });
  });
});

describe('a tool call', () => {
  const signed = { functionCall: { id: 'c1', name: 'look', args: { at: 'x' } }, thoughtSignature: 'U0lH' };
  const result = { role: 'user', content: [{ type: 'tool_result', tool_use_id: 'c1', content: 'sunny' }] };

  test('comes back with its signature, which its id brings to mind', async () => {
    const { message, gemini } = await startGateway();
    gemini.answerWith(() => ({ json: calls(signed) }));
    const { content, stop_reason } = await message({ tools });
    expect([content, stop_reason]).toEqual([
      [{ type: 'tool_use', id: 'c1', name: 'look', input: { at: 'x' } }],
      'tool_use',
    ]);
    gemini.answerWith(() => null);
    await message({ tools, messages: [hello, { role: 'assistant', content }, result] });
    expect(signatureOf(gemini.generations()[1])).toBe('U0lH');
  });

  test('comes back with its signature by the thinking block, also where nobody remembers it', async () => {
    const first = await startGateway();
    const thought = { candidates: [{ content: { role: 'model' as const, parts: [{ text: 'Hm', thought: true }] } }] };
    first.gemini.answerWith(() => ({ frames: [thought, calls(signed)] }));
    const deltas = (await first.events({ tools })).map(({ delta }) => delta);
    const signature = deltas.find((delta) => delta?.type === 'signature_delta').signature;
    const answer = [
      { type: 'thinking', thinking: 'Hm', signature },
      { type: 'tool_use', id: 'c1', name: 'look', input: { at: 'x' } },
    ];
    const other = await startGateway();
    await other.events({ tools, messages: [hello, { role: 'assistant', content: answer }, result] });
    expect(signatureOf(other.gemini.generations()[0])).toBe('U0lH');
  });

  test('of a conversation that began in chat completions keeps its signature', async () => {
    const { client, message, gemini } = await startGateway();
    gemini.answerWith(() => ({ json: calls(signed) }));
    const functions = [{ type: 'function' as const, function: { name: 'look' } }];
    await client.chat.completions.create({ model, messages: [{ role: 'user', content: 'Hello?' }], tools: functions });
    gemini.answerWith(() => null);
    const content = [{ type: 'tool_use', id: 'c1', name: 'look', input: { at: 'x' } }];
    await message({ tools, messages: [hello, { role: 'assistant', content }, result] });
    expect(signatureOf(gemini.generations()[1])).toBe('U0lH');
  });
});

describe('a count of tokens', () => {
  const count = { max_tokens: undefined, system: 'S' };

  test('is told, costs nothing, and is in the ledger', async () => {
    const { post, gemini, graphql } = await startGateway();
    gemini.answerWith(() => ({ json: { totalTokens: 12 } }));
    const response = await post('/v1/messages/count_tokens?beta=true', count);
    expect([response.status, await response.json()]).toEqual([200, { input_tokens: 12 }]);
    const [call] = gemini.generations();
    expect(call?.path).toBe(`/v1beta/models/${model}:countTokens`);
    expect(call?.body).toEqual({
      generateContentRequest: {
        model: `models/${model}`,
        contents: [{ role: 'user', parts: [{ text: 'Hello?' }] }],
        systemInstruction: { parts: [{ text: 'S' }] },
      },
    });
    expect((await graphql(requestsQuery)).requests.nodes).toEqual([
      { outcome: 'SUCCEEDED', tokens: { total: 0, isEstimated: false }, error: null },
    ]);
  });

  test('is asked for once more without the signatures that Google refuses', async () => {
    const { post, gemini } = await startGateway();
    const refusal = googleError(400, 'INVALID_ARGUMENT', 'Corrupted thought signature.');
    let failures = 1;
    gemini.answerWith(() => (failures-- > 0 ? refusal : { json: { totalTokens: 12 } }));
    const signature = encodeCarrier({ calls: new Map([['c', 'U0lH']]), text: undefined, model });
    const content = [
      { type: 'thinking', thinking: 'Hm', signature },
      { type: 'tool_use', id: 'c', name: 'look', input: {} },
    ];
    const result = { role: 'user', content: [{ type: 'tool_result', tool_use_id: 'c' }] };
    const messages = [hello, { role: 'assistant', content }, result];
    expect((await post('/v1/messages/count_tokens', { messages, tools })).status).toBe(200);
    const signatures = gemini.generations().map(({ body }) => signatureOf({ body: body.generateContentRequest }));
    expect(signatures).toEqual(['U0lH', dummySignature]);
  });
});
