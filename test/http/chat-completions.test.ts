import OpenAI from 'openai';
import { describe, expect, test } from 'vitest';
import { startTestGateway } from '../support/gateway.ts';
import { exhausted, frame, googleError, text } from '../support/simulated-gemini.ts';

const model = 'gemini-3.8-flash';
const messages = [{ role: 'user' as const, content: 'Hello?' }];
const requestsQuery = `{ requests(first: 10) { nodes {
  requestId outcome httpStatus error { code } tokens { input output total isEstimated } attempts { number failure httpStatus }
} } ledger { openRequests } }`;

describe('the official client', () => {
  test('gets an answer with its usage', async () => {
    const { openai, gemini } = await startTestGateway();
    const answer = await (await openai()).chat.completions.create({ model, messages });
    expect(answer.choices[0]).toMatchObject({
      finish_reason: 'stop',
      message: { role: 'assistant', content: 'Hello' },
    });
    expect(answer.usage).toMatchObject({ prompt_tokens: 7, completion_tokens: 3, total_tokens: 10 });
    const [call] = gemini.generations();
    expect(call?.path).toBe(`/v1beta/models/${model}:generateContent`);
    expect(call?.headers).not.toHaveProperty('authorization');
    expect(call?.body).toEqual({ contents: [{ role: 'user', parts: [{ text: 'Hello?' }] }] });
  });

  test('streams, with usage at the end when asked for', async () => {
    const { openai } = await startTestGateway();
    const client = await openai();
    const stream = client.chat.completions.stream({ model, messages, stream_options: { include_usage: true } });
    const answer = await stream.finalChatCompletion();
    expect(answer.choices[0]?.message.content).toBe('Hello');
    expect(answer.usage?.total_tokens).toBe(10);
  });

  test('runs parallel tool calls and sends their results back, although it drops the signature', async () => {
    const { openai, gemini } = await startTestGateway();
    const call = (id: string, city: string) => ({ functionCall: { id, name: 'weather', args: { city } } });
    const parts = [{ ...call('c1', 'Paris'), thoughtSignature: 'U0lH' }, call('c2', 'Rome')];
    gemini.answerWith(() => ({
      json: text('', { candidates: [{ content: { role: 'model', parts }, finishReason: 'STOP' }] }),
    }));
    const client = await openai();
    const tools = [{ type: 'function' as const, function: { name: 'weather' } }];
    const first = await client.chat.completions.create({ model, messages, tools });
    expect(first.choices[0]?.finish_reason).toBe('tool_calls');
    const calls = first.choices[0]?.message.tool_calls as OpenAI.ChatCompletionMessageFunctionToolCall[];
    expect(calls.map(({ function: { arguments: given } }) => JSON.parse(given).city)).toEqual(['Paris', 'Rome']);

    gemini.answerWith(() => null);
    const plain = calls.map(({ id, type, function: called }) => ({ id, type, function: called }));
    const results = calls.map(({ id }) => ({ role: 'tool' as const, tool_call_id: id, content: '"sunny"' }));
    await client.chat.completions.create({
      model,
      messages: [...messages, { role: 'assistant', tool_calls: plain }, ...results],
      tools,
    });
    const [, modelTurn, resultTurn] = gemini.generations()[1]?.body.contents ?? [];
    expect(modelTurn.parts.map((part: { thoughtSignature?: string }) => part.thoughtSignature)).toEqual([
      'U0lH',
      undefined,
    ]);
    expect(resultTurn.parts).toHaveLength(2);
  });

  test('gets typed errors', async () => {
    const { openai, url } = await startTestGateway();
    const client = await openai();
    const wrong = new OpenAI({ baseURL: `${url}/v1`, apiKey: 'gp_wrong', maxRetries: 0 });
    await expect(wrong.chat.completions.create({ model, messages })).rejects.toThrow(OpenAI.AuthenticationError);
    await expect(client.chat.completions.create({ model: '../x', messages })).rejects.toThrow(OpenAI.NotFoundError);
    const badTemperature = client.chat.completions.create({ model, messages, temperature: 9 });
    await expect(badTemperature).rejects.toMatchObject({ status: 400, param: 'temperature', code: 'invalid_value' });
  });

  test('is told in x-pool-model which model answered, or was asked where that is no name', async () => {
    const { openai, gemini } = await startTestGateway();
    const client = await openai();
    const ask = async () => {
      const { response, data } = await client.chat.completions.create({ model, messages }).withResponse();
      return [data.model, response.headers.get('x-pool-model')];
    };
    gemini.answerWith(() => ({ json: text('x', { modelVersion: 'gemini-3.8-flash-001' }) }));
    expect(await ask()).toEqual([model, 'gemini-3.8-flash-001']);
    gemini.answerWith(() => ({ json: text('x', { modelVersion: 'bad\r\nset-cookie: x=1' }) }));
    expect(await ask()).toEqual([model, model]);
  });

  test('that goes away ends the upstream call, and the request is settled as cancelled', async () => {
    const { openai, gemini, graphql } = await startTestGateway();
    const never = new Promise(() => {});
    gemini.answerWith(() => ({ frames: [frame('Hel'), never] }));
    const stream = await (await openai()).chat.completions.create({ model, messages, stream: true });
    for await (const chunk of stream) if (chunk.choices[0]?.delta.content === 'Hel') break;
    await gemini.generations()[0]?.aborted;
    await expect.poll(async () => (await graphql(requestsQuery)).requests.nodes[0].outcome).toBe('CANCELLED');
  });
});

describe('the pool', () => {
  test('tries another key when one is exhausted, and leaves that one alone for that model only', async () => {
    const { openai, gemini, graphql } = await startTestGateway();
    const dayQuota = exhausted('GenerateRequestsPerDayPerProjectPerModel-FreeTier', '59s');
    gemini.answerWith(({ key, path }) => (key.startsWith('AIzaFirst') && path.includes(model) ? dayQuota : null));
    const client = await openai();
    for (let count = 0; count < 3; count++) await client.chat.completions.create({ model, messages });
    const keys = gemini.generations().map(({ key }) => key.slice(0, 8));
    expect(keys.filter((key) => key === 'AIzaFirs')).toHaveLength(1);
    const { upstreamKeys } = await graphql(
      '{ upstreamKeys { nodes { maskedKey status cooldowns { model reason } } } }',
    );
    expect(upstreamKeys.nodes[0]).toMatchObject({
      status: 'EXHAUSTED',
      cooldowns: [{ model, reason: 'key_model_day' }],
    });

    await client.chat.completions.create({ model: 'gemini-3.5-flash', messages });
    await client.chat.completions.create({ model: 'gemini-3.5-flash', messages });
    const later = gemini.generations().slice(4);
    expect(new Set(later.map(({ key }) => key)).size).toBe(2);
  });

  test('hides a dead key from the caller, finds it once, and remembers it', async () => {
    const { openai, gemini, graphql } = await startTestGateway();
    const invalid = googleError(400, 'INVALID_ARGUMENT', 'API key not valid. Please pass a valid API key.');
    gemini.answerWith(({ key }) => (key.startsWith('AIzaFirst') ? invalid : null));
    const client = await openai();
    for (let count = 0; count < 3; count++) await client.chat.completions.create({ model, messages });
    expect(gemini.generations().filter(({ key }) => key.startsWith('AIzaFirst'))).toHaveLength(1);
    const { upstreamKeys } = await graphql('{ upstreamKeys { nodes { status lastFailure } } }');
    expect(upstreamKeys.nodes[0]).toEqual({ status: 'REJECTED', lastFailure: 'key_dead' });
  });

  test("never punishes a key for a client's mistake", async () => {
    const { openai, gemini, graphql } = await startTestGateway();
    gemini.answerWith(() => googleError(400, 'INVALID_ARGUMENT', 'Request contains an invalid argument.'));
    const mistake = (await openai()).chat.completions.create({ model, messages });
    await expect(mistake).rejects.toMatchObject({ status: 400, code: 'invalid_argument' });
    expect(gemini.generations()).toHaveLength(1);
    const { upstreamKeys } = await graphql('{ upstreamKeys { nodes { status cooldowns { model } } } }');
    expect(upstreamKeys.nodes).toEqual(Array(2).fill({ status: 'ACTIVE', cooldowns: [] }));
  });

  test('tells the true wait when every key rests', async () => {
    const { openai, gemini } = await startTestGateway();
    gemini.answerWith(() => exhausted('GenerateRequestsPerMinutePerProjectPerModel-FreeTier', '30s'));
    const refused = await (await openai()).chat.completions.create({ model, messages }).catch((error) => error);
    expect(refused).toMatchObject({ status: 429, code: 'rate_limit_exceeded' });
    expect(Number(refused.headers.get('retry-after'))).toBeGreaterThanOrEqual(29);
  });

  test('asks not to come back when the wait is longer than clients wait', async () => {
    const { openai, gemini } = await startTestGateway();
    const client = await openai();
    gemini.answerWith(() => exhausted('GenerateRequestsPerMinutePerProjectPerModel-FreeTier', '61s'));
    const refused = await client.chat.completions.create({ model, messages }).catch((error) => error);
    expect(refused).toMatchObject({ status: 429, code: 'insufficient_quota', type: 'insufficient_quota' });
    expect(refused.headers.get('x-should-retry')).toBe('false');
    expect(Number(refused.headers.get('retry-after'))).toBeGreaterThan(59);
  });

  test('tells which field Google refused, by the name that the client has for it', async () => {
    const { openai, gemini } = await startTestGateway();
    const violation = { field: 'generation_config.temperature', description: 'Too high.' };
    const details = [{ '@type': 'type.googleapis.com/google.rpc.BadRequest', fieldViolations: [violation] }];
    gemini.answerWith(() => ({ status: 400, json: { error: { code: 400, message: 'Too high.', details } } }));
    const client = await openai();
    const body = { model: 'gemini-3.5-flash', messages, temperature: 2 };
    const refused = await client.chat.completions.create(body).catch((error) => error);
    expect(refused).toMatchObject({ status: 400, code: 'invalid_argument', param: 'temperature' });
    expect(refused.headers.get('x-should-retry')).toBe('false');
    const message = 'Logprobs is not enabled for models/gemini-3.8-flash';
    gemini.answerWith(() => ({ status: 400, json: { error: { code: 400, message } } }));
    const unlogged = client.chat.completions.create({ model, messages, logprobs: true });
    await expect(unlogged).rejects.toMatchObject({ status: 400, param: 'logprobs' });
  });

  test('tells the tier that a header of Google names', async () => {
    const { openai, gemini } = await startTestGateway();
    gemini.answerWith(() => ({ json: text('Hello'), headers: { 'x-gemini-service-tier': 'priority' } }));
    const answer = await (await openai()).chat.completions.create({ model, messages });
    expect(answer.service_tier).toBe('priority');
  });

  test('without any key says what to do', async () => {
    const { openai } = await startTestGateway({ GEMINI_API_KEYS: '' });
    const refused = (await openai()).chat.completions.create({ model, messages });
    await expect(refused).rejects.toMatchObject({ status: 503, code: 'no_available_key', message: /GEMINI_API_KEYS/ });
  });

  test('does not switch keys once the caller has a part of the answer', async () => {
    const { openai, gemini } = await startTestGateway();
    gemini.answerWith(() => ({ frames: [frame('Hel')], isCut: true }));
    const stream = await (await openai()).chat.completions.create({ model, messages, stream: true });
    const read = async () => {
      for await (const _chunk of stream);
    };
    await expect(read()).rejects.toMatchObject({ code: 'stream_interrupted' });
    expect(gemini.generations()).toHaveLength(1);
  });
});

describe('the ledger', () => {
  test('has every attempt and every token that Gemini counted', async () => {
    const { openai, gemini, graphql } = await startTestGateway();
    let failures = 1;
    gemini.answerWith(() => (failures-- > 0 ? exhausted('GenerateRequestsPerMinute', '1s') : null));
    const client = await openai();
    await client.chat.completions.create({ model, messages });
    await (await client.chat.completions.create({ model, messages, stream: true }))
      .toReadableStream()
      .pipeTo(new WritableStream());
    const { requests, ledger } = await graphql(requestsQuery);
    expect(ledger.openRequests).toBe(0);
    expect(requests.nodes).toMatchObject([
      { outcome: 'SUCCEEDED', tokens: { input: 7, output: 3, total: 10, isEstimated: false } },
      { outcome: 'SUCCEEDED', attempts: [{ number: 1, failure: 'key_model_minute', httpStatus: 429 }, { number: 2 }] },
    ]);
    const attempts = requests.nodes.flatMap(({ attempts: list }: { attempts: unknown[] }) => list);
    expect(attempts).toHaveLength(gemini.generations().length);
    const { usage } = await graphql(
      '{ usage(range: {preset: ALL_TIME}) { total { requests succeeded tokens { total } } } }',
    );
    expect(usage.total).toEqual({ requests: 2, succeeded: 2, tokens: { total: 20 } });
  });

  test('has a refused request under its x-request-id', async () => {
    const { openai, graphql } = await startTestGateway();
    const refused = await (await openai()).chat.completions.create({ model, messages: [] }).catch((error) => error);
    const { request } = await graphql('query ($id: ID!) { request(requestId: $id) { outcome error { code } } }', {
      id: refused.requestID,
    });
    expect(request).toEqual({ outcome: 'REJECTED', error: { code: 'invalid_value' } });
  });
});
