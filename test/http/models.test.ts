import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, onTestFinished, test } from 'vitest';
import { askedShape } from '../../server/http/asked-shape.ts';
import { startTestGateway } from '../support/gateway.ts';
import { rawStream } from '../support/gemini-answers.ts';
import { startSimulatedGemini } from '../support/gemini-simulator.ts';
import { simulatedModels } from '../support/simulated-models.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';

// biome-ignore lint/suspicious/noExplicitAny: three shapes of answers.
type Body = any;

/** A gateway with a client key, all the simulated models and, if given, a models file. */
async function start(file?: object, settings: Record<string, string> = {}) {
  const path = join(temporaryFolder(), 'my-models.json');
  if (file) writeFileSync(path, JSON.stringify(file));
  const gemini = await startSimulatedGemini();
  onTestFinished(() => gemini.close());
  const gateway = await startTestGateway({ MODELS_FILE: path, GEMINI_BASE_URL: gemini.url, ...settings });
  const client = await gateway.openai();
  const get = async (path: string, headers: Record<string, string> = {}) => {
    const response = await fetch(gateway.url + path, {
      headers: { authorization: `Bearer ${client.apiKey}`, ...headers },
    });
    const text = await response.text();
    return { status: response.status, headers: response.headers, body: (text ? JSON.parse(text) : null) as Body };
  };
  return { ...gateway, gemini, client, get };
}

const anthropic = { 'anthropic-version': '2023-06-01' };
const aliases = {
  aliases: {
    'gpt-4o': 'gemini-3.8-flash',
    'claude-sonnet-5': 'gemini-3.8-flash',
    'openai/o:1': 'gemini-4-argon',
    'my-*': 'gemma-4-31b-it',
  },
  hidden: ['gemini-2.*'],
};

test('the official client lists and retrieves models', async () => {
  const { client } = await start();
  const { data } = await client.models.list();
  expect(data.map(({ id }) => id).sort()).toEqual([...simulatedModels].sort());
  expect(data.every(({ created, object }) => Number.isInteger(created) && created > 0 && object === 'model')).toBe(
    true,
  );
  const model = await client.models.retrieve('gemini-3.8-flash');
  expect(model).toMatchObject({
    id: 'gemini-3.8-flash',
    object: 'model',
    owned_by: 'google',
    context_length: 1_048_576,
  });
});

test('aliases are listed and found, also by names with slashes and colons; hidden models are neither', async () => {
  const { client, get } = await start(aliases);
  const ids = (await client.models.list()).data.map(({ id }) => id);
  expect(ids).toEqual(expect.arrayContaining(['gpt-4o', 'claude-sonnet-5', 'openai/o:1', 'gemini-3.8-flash']));
  expect(ids.filter((id) => id.startsWith('gemini-2.') || id.includes('*'))).toEqual([]);
  for (const path of ['openai/o:1', 'openai%2Fo%3A1', 'my-own', 'models/gemini-3.8-flash'])
    expect((await get(`/v1/models/${path}`)).status, path).toBe(200);
  expect(await client.models.retrieve('openai/o:1')).toMatchObject({
    id: 'openai/o:1',
    name: 'openai/o:1 (gemini-4-argon)',
  });
  for (const path of ['gemini-2.5-pro', 'gpt-4', 'models/../x', '%E0%A4%A'])
    expect((await get(`/v1/models/${path}`)).body.error, path).toMatchObject({
      code: 'model_not_found',
      param: 'model',
    });
  expect((await get('/v1/models/gpt-4')).body.error.message).toContain('Did you mean gpt-4o?');
});

test('Anthropic clients get their shape and pages', async () => {
  const { get } = await start(aliases);
  const first = await get('/v1/models?limit=2', anthropic);
  expect(first.body).toMatchObject({ has_more: true, first_id: 'gemini-4-argon', last_id: 'gemini-4-hydrogen' });
  const rest = await get(`/v1/models?limit=1000&after_id=${first.body.last_id}`, anthropic);
  expect(rest.body.has_more).toBe(false);
  expect(rest.body.data.map(({ id }: Body) => id)).toContain('claude-sonnet-5');
  const one = await get('/v1/models/claude-sonnet-5', anthropic);
  expect(one.body).toMatchObject({ type: 'model', id: 'claude-sonnet-5', max_tokens: 65_536 });
  expect((await get('/v1/models?limit=0', anthropic)).status).toBe(400);
  // Without the header a page has what either kind of client looks for.
  const either = (await get('/v1/models?limit=1')).body;
  expect(either).toMatchObject({ object: 'list', has_more: true, first_id: either.last_id });
  expect(either.data).toMatchObject([
    { id: either.first_id, object: 'model', type: 'model', display_name: expect.any(String) },
  ]);
});

test('Gemini clients get their shape and pages, below /v1beta always', async () => {
  const { get, client } = await start(aliases);
  const apiKey = String(client.apiKey);
  const first = await get('/v1beta/models?pageSize=3');
  expect(first.body.models).toHaveLength(3);
  const second = await get(`/v1beta/models?pageSize=1000&pageToken=${first.body.nextPageToken}`);
  const names = [...first.body.models, ...second.body.models].map(({ name }) => name);
  expect(names).toContain('models/openai/o:1');
  expect(new Set(names).size).toBe(names.length);
  expect((await get(`/v1/models?key=${apiKey}`)).body.models).toHaveLength(names.length);
  const card = { name: 'models/gemini-3.8-flash', version: '001', inputTokenLimit: 1_048_576 };
  expect((await get('/v1beta/models/gemini-3.8-flash')).body).toMatchObject(card);
  expect((await get('/v1/models/gemini-3.8-flash', { 'x-goog-api-key': apiKey })).body).toMatchObject(card);
  expect((await get('/v1beta/models/nope')).status).toBe(404);
});

test.each([
  ['/v1/models', {}, {}, 'openai'],
  ['/v1/models', { 'x-api-key': 'k' }, {}, 'openai'],
  ['/v1/models', anthropic, {}, 'anthropic'],
  ['/v1/models', { ...anthropic, 'x-goog-api-key': 'k' }, { key: 'k' }, 'anthropic'],
  ['/v1/models', {}, { limit: '1000' }, 'openai'],
  ['/v1/models', { 'x-goog-api-key': 'k' }, { limit: '5' }, 'gemini'],
  ['/v1/models', { 'x-goog-api-client': 'google-genai-sdk/3.1.0' }, {}, 'gemini'],
  ['/v1/models/x', {}, { key: 'k' }, 'gemini'],
  ['/v1/models', {}, { pageSize: '5' }, 'gemini'],
  ['/v1/models', {}, { pageToken: 'x' }, 'gemini'],
  ['/v1beta/models', anthropic, {}, 'gemini'],
  ['/v1alpha/models', {}, {}, 'gemini'],
])('who asks %s with %j and %j reads the shape of %s', (path, headers, query, shape) => {
  expect(askedShape(path, headers, query)).toBe(shape);
});

test('who has the list already gets 304, and who asks for the head alone gets that', async () => {
  const { get, url, client } = await start();
  const first = await get('/v1/models');
  const etag = String(first.headers.get('etag'));
  expect(first.headers.get('content-type')).toBe('application/json; charset=utf-8');
  const again = await get('/v1/models', { 'if-none-match': etag });
  expect([again.status, again.body]).toEqual([304, null]);
  expect((await get('/v1/models', { ...anthropic, 'if-none-match': etag })).status).toBe(200);
  expect((await get('/v1/models', { 'if-none-match': '"other"' })).status).toBe(200);
  const headers = { authorization: `Bearer ${client.apiKey}` };
  const head = await fetch(`${url}/v1/models`, { method: 'HEAD', headers });
  expect([head.status, head.headers.get('etag')]).toEqual([200, etag]);
});

test('Google is asked once, with one key after the other, not at every request', async () => {
  const { get, gemini } = await start();
  const lists = () => gemini.calls.filter(({ action }) => action === 'models').length;
  await get('/v1/models');
  await expect.poll(lists).toBe(2);
  for (let count = 0; count < 5; count++) await get('/v1/models');
  expect(lists()).toBe(2);
});

test('without any key, and while Google is down, the built-in list is shown', async () => {
  const empty = await start(undefined, { GEMINI_API_KEYS: '' });
  expect((await empty.get('/v1/models')).body.data.map(({ id }: Body) => id)).toContain('gemini-3.7-flash');
  const down = await start(undefined, { GEMINI_BASE_URL: 'http://127.0.0.1:9' });
  expect((await down.get('/v1/models')).body.data.map(({ id }: Body) => id)).toContain('gemini-3.7-flash');
});

test('a wrong models file stops the start', async () => {
  await expect(start({ aliases: { a: 5 } })).rejects.toThrow('aliases.a takes the id of a model');
});

describe('a request', () => {
  const ask = { messages: [{ role: 'user' as const, content: 'Hello' }] };

  test('for an alias is answered by its target, under the name that was asked for', async () => {
    const { client, gemini, graphql } = await start(aliases);
    expect((await client.chat.completions.create({ ...ask, model: 'claude-sonnet-5' })).model).toBe('claude-sonnet-5');
    expect(gemini.generations().map(({ model }) => model)).toEqual(['gemini-3.8-flash']);
    const { requests } = await graphql('{ requests { nodes { requestedModel outcome } } }');
    expect(requests.nodes).toEqual([{ requestedModel: 'claude-sonnet-5', outcome: 'SUCCEEDED' }]);
  });

  test('tells in a header which model has served it, also when Google has taken another', async () => {
    const { client, gemini } = await start(aliases);
    const served = async (stream: boolean) => {
      const { response } = await client.chat.completions.create({ ...ask, model: 'gpt-4o', stream }).withResponse();
      return response.headers.get('x-pool-model');
    };
    expect([await served(false), await served(true)]).toEqual(['gemini-3.8-flash', 'gemini-3.8-flash']);
    for (const modelVersion of ['gemini-3.9-flash', 'not a\nmodel']) {
      const answer = { candidates: [{ content: { parts: [{ text: 'Hi' }] }, finishReason: 'STOP' }], modelVersion };
      gemini.script({ answer: [rawStream(`data: ${JSON.stringify(answer)}\r\n\r\n`)] });
    }
    expect([await served(true), await served(true)]).toEqual(['gemini-3.9-flash', 'gemini-3.8-flash']);
  });

  test('takes the rules that the file gives a model', async () => {
    const { client, gemini } = await start({ rules: { 'gemini-3.8-*': { hasSampling: true } } });
    for (const model of ['gemini-3.8-flash', 'gemini-3.6-flash'])
      await client.chat.completions.create({ ...ask, model, temperature: 0.5 });
    expect(gemini.generations().map(({ body }) => body.generationConfig?.temperature)).toEqual([0.5, undefined]);
  });

  test('for a mistyped model is refused with the names it may stand for', async () => {
    const { client } = await start(aliases);
    const refused = (model: string) => client.chat.completions.create({ ...ask, model }).catch((error) => error);
    expect(await refused('gemini-3.8-flsh')).toMatchObject({ status: 404, code: 'model_not_found', param: 'model' });
    expect((await refused('gemini-3.8-flsh')).message).toContain('Did you mean gemini-3.8-flash');
    expect((await refused('gemini-4-argon:')).message).toContain('Did you mean gemini-4-argon');
  });
});

describe('a client key that may use some models', () => {
  async function startWith(allowedModels: string[] | null) {
    const gateway = await start(aliases);
    const { clientKeyCreate } = await gateway.graphql(
      `mutation ($input: ClientKeyCreateInput!) { clientKeyCreate(input: $input) { ... on ClientKeyCreateSuccess { secret clientKey { id } } } }`,
      { input: { name: 'some', allowedModels } },
    );
    const headers = { authorization: `Bearer ${clientKeyCreate.secret}` };
    const get = (path: string, more = {}) => gateway.get(path, { ...headers, ...more });
    const ids = async () => (await get('/v1/models')).body.data.map(({ id }: Body) => id);
    const post = async (path: string, body: object) => {
      const init = { method: 'POST', body: JSON.stringify(body), headers };
      const response = await fetch(gateway.url + path, init);
      return { status: response.status, body: (await response.json()) as Body };
    };
    return { ...gateway, get, post, ids, id: clientKeyCreate.clientKey.id };
  }

  test('sees these, by their name or by what an alias stands for, in every shape', async () => {
    const { get, ids } = await startWith(['gemini-3.8-*', 'openai/*']);
    expect(await ids()).toEqual(['gemini-3.8-flash', 'claude-sonnet-5', 'gpt-4o', 'openai/o:1']);
    expect((await get('/v1/models', anthropic)).body.data).toHaveLength(4);
    expect((await get('/v1beta/models')).body.models).toHaveLength(4);
    expect((await get('/v1/models/gpt-4o')).status).toBe(200);
    expect((await get('/v1/models/google/gemini-3.8-flash')).status).toBe(200);
    const refused = await get('/v1/models/gemini-4-argon');
    expect([refused.status, refused.body.error.code]).toEqual([404, 'model_not_found']);
    expect(refused.body.error.message).not.toContain('gemini-4-argon or');
  });

  test('is served these and refused others, in every format, with nothing sent upstream', async () => {
    const { post, gemini, graphql } = await startWith(['gpt-4o', 'gemini-3.6-*']);
    const chat = (model: string) => post('/v1/chat/completions', { model, messages: [{ role: 'user', content: 'x' }] });
    const native = (model: string) =>
      post(`/v1beta/models/${model}:generateContent`, { contents: [{ role: 'user', parts: [{ text: 'x' }] }] });
    for (const answer of [
      chat('gpt-4o'),
      chat('models/gemini-3.6-flash'),
      native('gpt-4o'),
      native('gemini-3.6-flash'),
    ])
      expect((await answer).status).toBe(200);
    const served = gemini.generations().length;
    for (const answer of [chat('gemini-3.8-flash'), chat('claude-sonnet-5'), native('gemini-3.8-flash')]) {
      const { status, body } = await answer;
      expect(status).toBe(404);
      expect(JSON.stringify(body)).toContain('This client key may not use the model');
    }
    expect(gemini.generations()).toHaveLength(served);
    const { requests } = await graphql('{ requests(first: 3) { nodes { outcome } } }');
    expect(requests.nodes).toEqual(Array(3).fill({ outcome: 'REJECTED' }));
  });

  test('reaches no other by Gemini’s own API, wherever a request names it', async () => {
    const { post, gemini } = await startWith(['gemini-3.6-*']);
    const path = '/v1beta/models/gemini-3.6-flash';
    const other = { model: 'models/gemini-3.8-flash' };
    const refused: [string, object, number][] = [
      ['/v1beta/models/gemini-3.8-flash:batchGenerateContent', {}, 404],
      ['/v1beta/models/veo-3:predictLongRunning', {}, 404],
      [`${path}:batchGenerateContent`, { batch: other }, 400],
      [`${path}:batchEmbedContents`, { requests: [other] }, 400],
      [`${path}:countTokens`, { generateContentRequest: other }, 400],
      ['/v1beta/interactions', other, 404],
      ['/v1beta/interactions', { agent: 'deep-research' }, 404],
      ['/v1beta/cachedContents', other, 404],
    ];
    // None says that it sends JSON.
    for (const [where, body, status] of refused)
      expect([where, (await post(where, body)).status]).toEqual([where, status]);
    expect(gemini.generations()).toEqual([]);
    // The same model twice is none too many: it goes up.
    const sent = gemini.calls.length;
    await post(`${path}:batchGenerateContent`, { batch: { model: 'models/gemini-3.6-flash' } });
    expect(gemini.calls.length).toBeGreaterThan(sent);
  });

  test('follows a change at once', async () => {
    const { ids, graphql, id } = await startWith(null);
    expect((await ids()).length).toBeGreaterThan(10);
    const update = (allowedModels: string[] | null) =>
      graphql(`mutation ($input: ClientKeyUpdateInput!) { clientKeyUpdate(input: $input) { __typename } }`, {
        input: { id, allowedModels },
      });
    await update(['gpt-4o']);
    expect(await ids()).toEqual(['gpt-4o']);
    await update(null);
    expect((await ids()).length).toBeGreaterThan(10);
  });
});
