import { request } from 'node:http';
import OpenAI from 'openai';
import { describe, expect, test } from 'vitest';
import { startTestGateway } from '../support/gateway.ts';
import { exhausted, frame, text } from '../support/simulated-gemini.ts';

const model = 'gemini-3.8-flash';
const input = 'Hello?';
const weather = {
  type: 'function' as const,
  name: 'weather',
  parameters: { type: 'object', properties: { city: { type: 'string' } } },
  strict: false,
};
const call = { functionCall: { id: 'c1', name: 'weather', args: { city: 'Rome' } }, thoughtSignature: 'U0lH' };
const answerOf = (parts: object[]) => ({
  json: text('', { candidates: [{ content: { role: 'model', parts }, finishReason: 'STOP' }] }),
});
async function all<Item>(items: AsyncIterable<Item>): Promise<Item[]> {
  const list: Item[] = [];
  for await (const item of items) list.push(item);
  return list;
}
const weatherCall = () => answerOf([{ text: 'Let me see.', thought: true }, call]);

describe('the official client', () => {
  test('gets a response with its usage', async () => {
    const { openai, gemini, graphql } = await startTestGateway();
    const response = await (await openai()).responses.create({ model, input, instructions: 'Be brief' });
    expect(response).toMatchObject({ object: 'response', status: 'completed', output_text: 'Hello', model });
    expect(response.usage).toMatchObject({ input_tokens: 7, output_tokens: 3, total_tokens: 10 });
    expect(gemini.generations()[0]?.body).toEqual({
      systemInstruction: { parts: [{ text: 'Be brief' }] },
      contents: [{ role: 'user', parts: [{ text: input }] }],
    });
    const { requests } = await graphql('{ requests { nodes { outcome tokens { total } requestedModel } } }');
    expect(requests.nodes).toEqual([{ outcome: 'SUCCEEDED', tokens: { total: 10 }, requestedModel: model }]);
  });

  test('streams', async () => {
    const { openai } = await startTestGateway();
    const stream = (await openai()).responses.stream({ model, input });
    const types: string[] = [];
    for await (const event of stream) {
      expect(event.sequence_number).toBe(types.length);
      types.push(event.type);
    }
    expect(types).toEqual([
      'response.created',
      'response.in_progress',
      'response.output_item.added',
      'response.content_part.added',
      'response.output_text.delta',
      'response.output_text.delta',
      'response.output_text.done',
      'response.content_part.done',
      'response.output_item.done',
      'response.completed',
    ]);
    const response = await stream.finalResponse();
    expect(response).toMatchObject({ output_text: 'Hello', usage: { total_tokens: 10 } });
  });

  test('gets its events one by one, without an end mark', async () => {
    const { openai, gemini } = await startTestGateway();
    const { promise: held, resolve: release } = Promise.withResolvers<void>();
    gemini.answerWith(() => ({ frames: [frame('Hel'), held, text('lo')] }));
    const response = await (await openai()).responses.create({ model, input, stream: true }).asResponse();
    expect(response.headers.get('content-type')).toBe('text/event-stream; charset=utf-8');
    let seen = '';
    for await (const piece of response.body ?? []) {
      seen += Buffer.from(piece).toString();
      if (seen.includes('"delta":"Hel"')) release();
    }
    expect(seen).toMatch(/^event: response\.created\ndata: \{"type":"response\.created","sequence_number":0,/);
    expect(seen).not.toContain('[DONE]');
  });

  test('parses what was asked for as JSON', async () => {
    const { openai, gemini } = await startTestGateway();
    gemini.answerWith(() => ({ json: text('{"city":"Rome"}') }));
    const schema = { type: 'object', properties: { city: { type: 'string' } }, required: ['city'] };
    const format = { type: 'json_schema' as const, name: 'place', schema, strict: true };
    const response = await (await openai()).responses.parse({ model, input, text: { format } });
    expect(response.output_parsed).toEqual({ city: 'Rome' });
    expect(gemini.generations()[0]?.body.generationConfig).toEqual({
      responseMimeType: 'application/json',
      responseJsonSchema: schema,
    });
  });

  test('gets typed errors that name the field', async () => {
    const { openai, url } = await startTestGateway();
    const { responses } = await openai();
    const wrong = new OpenAI({ baseURL: `${url}/v1`, apiKey: 'gp_wrong', maxRetries: 0 });
    await expect(wrong.responses.create({ model, input })).rejects.toThrow(OpenAI.AuthenticationError);
    await expect(responses.create({ model: '../x', input })).rejects.toThrow(OpenAI.NotFoundError);
    const image = { type: 'input_image' as const, detail: 'auto' as const, image_url: 'ftp://example.com/a.png' };
    const badImage = responses.create({ model, stream: true, input: [{ role: 'user', content: [image] }] });
    await expect(badImage).rejects.toMatchObject({
      status: 400,
      param: 'input[0].content[0].image_url',
      code: 'invalid_image_url',
    });
  });

  test('that goes away ends the upstream call', async () => {
    const { openai, gemini, graphql } = await startTestGateway();
    gemini.answerWith(() => ({ frames: [frame('Hel'), new Promise(() => {})] }));
    const stream = await (await openai()).responses.create({ model, input, stream: true });
    for await (const event of stream) if (event.type === 'response.output_text.delta') break;
    await gemini.generations()[0]?.aborted;
    await expect
      .poll(async () => (await graphql('{ requests { nodes { outcome } } }')).requests.nodes[0].outcome)
      .toBe('CANCELLED');
  });
});

describe('a second turn with tools', () => {
  const result = { type: 'function_call_output' as const, call_id: 'c1', output: '"sunny"' };
  const question = { role: 'user' as const, content: input };
  const signatureOf = (body: { contents: { parts: { functionCall?: object; thoughtSignature?: string }[] }[] }) =>
    body.contents.flatMap(({ parts }) => parts).find((part) => part.functionCall)?.thoughtSignature;

  test('carries the signature with the client when nothing is stored here', async () => {
    const [here, elsewhere] = [await startTestGateway(), await startTestGateway()];
    here.gemini.answerWith(weatherCall);
    const more = { model, tools: [weather], store: false, include: ['reasoning.encrypted_content' as const] };
    const first = await (await here.openai()).responses.create({ ...more, input });
    expect(first.output).toMatchObject([
      { type: 'reasoning', encrypted_content: expect.stringMatching(/^gts1:/) },
      { type: 'function_call', call_id: 'c1' },
    ]);
    const items = [question, ...first.output, result] as OpenAI.Responses.ResponseInput;
    await (await elsewhere.openai()).responses.create({ ...more, input: items });
    expect(signatureOf(elsewhere.gemini.generations()[0]?.body)).toBe('U0lH');
  });

  test('finds the signature again although the client dropped it', async () => {
    const { openai, gemini } = await startTestGateway();
    gemini.answerWith(weatherCall);
    const { responses } = await openai();
    const first = await responses.create({ model, tools: [weather], input });
    expect(first.output.at(-1)).toMatchObject({ type: 'function_call', call_id: 'c1', arguments: '{"city":"Rome"}' });
    gemini.answerWith(() => null);
    const called = { type: 'function_call' as const, call_id: 'c1', name: 'weather', arguments: '{"city":"Rome"}' };
    await responses.create({ model, tools: [weather], input: [question, called, result] });
    expect(signatureOf(gemini.generations()[1]?.body)).toBe('U0lH');
  });

  test('needs only its new items after a stored response', async () => {
    const { openai, gemini } = await startTestGateway();
    gemini.answerWith(weatherCall);
    const { responses } = await openai();
    const first = await responses.create({ model, tools: [weather], input });
    gemini.answerWith(() => null);
    const more = { model, tools: [weather], previous_response_id: first.id };
    const second = await responses.create({ ...more, input: [result] });
    expect(second).toMatchObject({ output_text: 'Hello', previous_response_id: first.id });
    const { contents } = gemini.generations()[1]?.body ?? {};
    expect(contents.map(({ role }: { role: string }) => role)).toEqual(['user', 'model', 'user']);
    expect(signatureOf(gemini.generations()[1]?.body)).toBe('U0lH');

    await responses.create({ model, previous_response_id: second.id, input: 'Thanks' });
    expect(gemini.generations()[2]?.body.contents.slice(3)).toEqual([
      { role: 'model', parts: [{ text: 'Hello' }] },
      { role: 'user', parts: [{ text: 'Thanks' }] },
    ]);
  });

  test('may refer to the items of a streamed response by their ids', async () => {
    const { openai, gemini } = await startTestGateway();
    gemini.answerWith(() => ({ frames: [weatherCall().json] }));
    const { responses } = await openai();
    const first = await responses.stream({ model, tools: [weather], input }).finalResponse();
    gemini.answerWith(() => null);
    const references = first.output.map(({ id }) => ({ type: 'item_reference' as const, id: String(id) }));
    await responses.create({ model, tools: [weather], input: [question, ...references, result] });
    expect(signatureOf(gemini.generations()[1]?.body)).toBe('U0lH');
  });
});

describe('a stored response', () => {
  test('can be read and deleted by its client key, and by no other', async () => {
    const { openai } = await startTestGateway();
    const [mine, other] = [await openai(), await openai()];
    const created = await mine.responses.create({
      model,
      input: ['a', 'b'].map((content) => ({ role: 'user', content })),
    });
    expect(await mine.responses.retrieve(created.id)).toMatchObject({ id: created.id, output_text: 'Hello' });
    const items = await mine.responses.inputItems.list(created.id, { order: 'asc', limit: 1 });
    expect(items).toMatchObject({
      data: [{ type: 'message', role: 'user', content: [{ type: 'input_text', text: 'a' }] }],
      has_more: true,
    });
    expect(await all(items)).toMatchObject([
      { id: expect.stringMatching(/^msg_/) },
      { content: [{ type: 'input_text', text: 'b' }] },
    ]);

    await expect(other.responses.retrieve(created.id)).rejects.toThrow(OpenAI.NotFoundError);
    await expect(other.responses.inputItems.list(created.id)).rejects.toThrow(OpenAI.NotFoundError);
    await expect(other.responses.delete(created.id)).rejects.toThrow(OpenAI.NotFoundError);
    const theft = other.responses.create({ model, input, previous_response_id: created.id });
    await expect(theft).rejects.toMatchObject({
      status: 400,
      code: 'previous_response_not_found',
      param: 'previous_response_id',
    });

    await mine.responses.delete(created.id);
    await expect(mine.responses.retrieve(created.id)).rejects.toMatchObject({
      status: 404,
      code: 'response_not_found',
    });
  });

  test('is none with `store: false`', async () => {
    const { openai, gemini } = await startTestGateway();
    const { responses } = await openai();
    const created = await responses.create({ model, input, store: false });
    expect(gemini.generations()[0]?.body.store).toBe(false);
    await expect(responses.retrieve(created.id)).rejects.toThrow(OpenAI.NotFoundError);
  });

  test('has no background to be cancelled in, nor what else OpenAI does with responses', async () => {
    const { openai } = await startTestGateway();
    const { responses } = await openai();
    const { id } = await responses.create({ model, input });
    await expect(responses.cancel(id)).rejects.toThrow(OpenAI.BadRequestError);
    await expect(responses.cancel('resp_none')).rejects.toThrow(OpenAI.NotFoundError);
    await expect(responses.retrieve(id, { stream: true })).rejects.toMatchObject({ status: 400, param: 'stream' });
    await expect(responses.inputItems.list(id, { limit: 0 })).rejects.toMatchObject({ status: 400, param: 'limit' });
    await expect(responses.inputItems.list(id, { after: 'x' })).rejects.toMatchObject({ status: 400, param: 'after' });
    await expect(responses.compact({ model })).rejects.toMatchObject({ status: 404, code: 'unknown_url' });
    await expect(responses.inputTokens.count({ model })).rejects.toMatchObject({ status: 404, code: 'unknown_url' });
  });
});

describe('failures', () => {
  test('before anything was sent tell when to try again, in the words that Codex reads', async () => {
    const { openai, gemini } = await startTestGateway();
    gemini.answerWith(() => exhausted('GenerateRequestsPerMinutePerProjectPerModel-FreeTier', '30s'));
    const refused = (await openai()).responses.create({ model, input, stream: true });
    await expect(refused).rejects.toMatchObject({
      status: 429,
      code: 'rate_limit_exceeded',
      message: expect.stringMatching(/try again in \d+s/),
    });
  });

  test('in the middle of a stream are its last event', async () => {
    const { openai, gemini } = await startTestGateway();
    gemini.answerWith(() => ({ frames: [frame('Hel')], isCut: true }));
    const stream = await (await openai()).responses.create({ model, input, stream: true });
    const events = await all(stream);
    expect(events.at(-1)).toMatchObject({
      type: 'response.failed',
      sequence_number: events.length - 1,
      response: { status: 'failed', error: { code: 'server_error' }, output: [{ status: 'incomplete' }] },
    });
  });

  test('after the stream was opened to keep it alive are events of a whole stream', async () => {
    const { openai, gemini } = await startTestGateway({ HEARTBEAT_SECONDS: '1' });
    const error = {
      code: 400,
      status: 'INVALID_ARGUMENT',
      message: 'The input token count (9) exceeds the maximum (8).',
    };
    const { promise: opened, resolve: open } = Promise.withResolvers<void>();
    gemini.answerWith(() => ({ frames: [opened, frame(''), { error }] }));
    const stream = await (await openai()).responses.create({ model, input, stream: true });
    open();
    const events = await all(stream);
    expect(events).toMatchObject([
      { type: 'response.created', sequence_number: 0 },
      { type: 'response.in_progress' },
      { type: 'response.failed', response: { error: { code: 'context_length_exceeded' } } },
    ]);
  });
});

test("a body of the Responses API at the chat's address is answered as a chat", async () => {
  const { openai, gemini } = await startTestGateway();
  gemini.answerWith(weatherCall);
  const { chat } = await openai();
  const body = {
    model,
    input: [{ role: 'user', content: [{ type: 'input_text', text: input }] }],
    tools: [weather, { type: 'custom', name: 'patch', format: { type: 'grammar' } }],
    reasoning: { effort: 'low' },
  };
  const first = await chat.completions.create(body as never as OpenAI.ChatCompletionCreateParamsNonStreaming);
  expect(first).toMatchObject({
    object: 'chat.completion',
    choices: [{ finish_reason: 'tool_calls', message: { tool_calls: [{ id: 'c1', function: { name: 'weather' } }] } }],
  });
  gemini.answerWith(() => null);
  const later = [
    { type: 'function_call', call_id: 'c1', name: 'weather', arguments: '{}' },
    { type: 'function_call_output', call_id: 'c1', output: 'sunny' },
  ];
  const streamed = { ...body, input: [...body.input, ...later], stream: true, stream_options: { include_usage: true } };
  const stream = await chat.completions.create(streamed as never as OpenAI.ChatCompletionCreateParamsStreaming);
  const chunks = await all(stream);
  expect(chunks.map(({ choices }) => choices[0]?.delta.content ?? '').join('')).toBe('Hello');
  expect(chunks.at(-1)).toMatchObject({ object: 'chat.completion.chunk', usage: { total_tokens: 10 } });
  expect(gemini.generations()[1]?.body.contents[1].parts[0].thoughtSignature).toBe('U0lH');
});

test('an upgrade to WebSockets is refused with a plain status, so that clients fall back', async () => {
  const { url } = await startTestGateway();
  const headers = { connection: 'Upgrade', upgrade: 'websocket', 'sec-websocket-version': '13' };
  const status = await new Promise((resolve, reject) => {
    request(`${url}/v1/responses`, { headers }, (response) => resolve(response.statusCode))
      .on('error', reject)
      .end();
  });
  expect(status).toBe(426);
});
