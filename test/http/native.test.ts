import { describe, expect, test } from 'vitest';
import { dummySignature } from '../../server/gemini/repair-request.ts';
import type { Content } from '../../server/gemini/types.ts';
import { startTestGateway, type TestGatewayOptions, withoutPauses } from '../support/gateway.ts';
import { exhausted, frame, googleError, type ScriptedAnswer, text } from '../support/simulated-gemini.ts';

const model = 'gemini-3.8-flash';
const body = '{ "contents": [ {"parts":[{"text":"Hello?"}]} ] }';
const sse = `/v1beta/models/${model}:streamGenerateContent?alt=sse`;
const unary = `/v1beta/models/${model}:generateContent`;
const requestsQuery = `{ requests(first: 5) { nodes { outcome requestedModel httpStatus tokens { total } attempts { number failure } } } }`;

/** The gateway with one client key and a caller that uses it as Google's clients do. */
async function startNative(options: TestGatewayOptions = {}) {
  const gateway = await startTestGateway({}, options);
  await gateway.signIn();
  const createKey = async (name: string): Promise<string> => {
    const { clientKeyCreate } = await gateway.graphql(
      `mutation ($name: String!) { clientKeyCreate(input: {name: $name}) { ... on ClientKeyCreateSuccess { secret } } }`,
      { name },
    );
    return clientKeyCreate.secret;
  };
  const key = await createKey('native');
  const call = (path: string, init: RequestInit = {}, secret = key) =>
    fetch(gateway.url + path, {
      ...init,
      headers: { 'content-type': 'application/json', 'x-goog-api-key': secret, ...init.headers },
    });
  const post = (path: string, text = body, headers = {}) => call(path, { method: 'POST', body: text, headers });
  return { ...gateway, createKey, call, post };
}

describe('a native call of a model', () => {
  test('goes up byte by byte without the client key, and comes back byte by byte', async () => {
    const { post, gemini } = await startNative();
    const answer = '{\n "candidates": [{"content": {"parts": [{"text": "hé"}]}, "finishReason": "STOP"}], "new": 1 }';
    gemini.answerWith(() => ({
      raw: [answer],
      headers: {
        'content-type': 'application/json; charset=UTF-8',
        'x-gemini-service-tier': 'standard',
        'set-cookie': 'a=b',
      },
    }));
    const response = await post(`${unary}?key=ignored&%24alt=json`, body, {
      cookie: 'c=d',
      'x-forwarded-for': '1.2.3.4',
    });
    expect(await response.text()).toBe(answer);
    expect(response.headers.get('x-gemini-service-tier')).toBe('standard');
    expect(response.headers.get('set-cookie')).toBeNull();
    const [call] = gemini.generations();
    expect(call?.text).toBe(body);
    expect(call?.path).toBe(`${unary}?%24alt=json`);
    expect(Object.keys(call?.headers ?? {}).sort()).toEqual(
      ['accept', 'connection', 'content-length', 'content-type', 'host', 'x-goog-api-key'].sort(),
    );
  });

  test('streams as it comes, whatever the pieces are', async () => {
    const { post, gemini, graphql } = await startNative();
    const stream = `data: ${JSON.stringify(frame('Hel'))}\r\n\r\ndata: ${JSON.stringify(text('lo 🌍'))}\r\n\r\n`;
    const bytes = Buffer.from(stream);
    const pieces = Array.from({ length: Math.ceil(bytes.length / 7) }, (_, n) => bytes.subarray(n * 7, n * 7 + 7));
    gemini.answerWith(() => ({ raw: pieces, headers: { 'content-type': 'text/event-stream' } }));
    const response = await post(sse);
    expect(response.headers.get('content-type')).toBe('text/event-stream');
    expect(await response.text()).toBe(stream);
    const { requests } = await graphql(requestsQuery);
    expect(requests.nodes[0]).toMatchObject({ outcome: 'SUCCEEDED', requestedModel: model, tokens: { total: 10 } });
  });

  test('without alt=sse is a list, with its tokens counted', async () => {
    const { post, gemini, graphql } = await startNative();
    gemini.answerWith(() => ({ json: [frame('Hel'), text('lo')] }));
    const response = await post(`/v1/models/${model}:streamGenerateContent`);
    expect(await response.json()).toHaveLength(2);
    const { requests } = await graphql(requestsQuery);
    expect(requests.nodes[0]).toMatchObject({ outcome: 'SUCCEEDED', tokens: { total: 10 } });
  });

  test('gets another key when the first is at its limit, and Google’s own error shape when none is left', async () => {
    const { post, gemini, graphql } = await startNative();
    const [first] = ['AIzaFirst-0123456789'];
    gemini.answerWith((call) => (call.key === first ? exhausted('RequestsPerMinute', '30s') : null));
    expect((await post(sse)).status).toBe(200);
    gemini.answerWith(() => exhausted('RequestsPerMinute', '30s'));
    const refused = await post(sse);
    expect(refused.status).toBe(429);
    const { error } = (await refused.json()) as { error: { message?: string } };
    expect(error.message).toContain('Please try again in');
    const { requests } = await graphql(requestsQuery);
    expect(requests.nodes[1].attempts).toHaveLength(2);
  });

  test('that lacks a signature is sent once more with the placeholder there, and its real signatures stay', async () => {
    const { post, gemini } = await startNative();
    const step = (name: string, thoughtSignature?: string) => [
      { role: 'model', parts: [{ functionCall: { name, args: {} }, thoughtSignature }] },
      { role: 'user', parts: [{ functionResponse: { name, response: {} } }] },
    ];
    const real = 'U0lH';
    const refusal = googleError(
      400,
      'INVALID_ARGUMENT',
      'Function call is missing a thought_signature in functionCall parts.',
    );
    let failures = 1;
    gemini.answerWith(() => (failures-- > 0 ? refusal : null));
    const contents = [{ role: 'user', parts: [{ text: 'Hello?' }] }, ...step('a', real), ...step('b')];
    expect((await post(unary, JSON.stringify({ contents }))).status).toBe(200);
    const signatures = gemini
      .generations()
      .map(({ body: { contents: turns } }) =>
        [turns[1], turns[3]].map(({ parts }: Content) => parts?.[0]?.thoughtSignature),
      );
    expect(signatures).toEqual([
      [real, undefined],
      [real, dummySignature],
    ]);
  });

  test('that is wrong is Google’s to refuse, and harms no key', async () => {
    const { post, gemini } = await startNative();
    gemini.answerWith(() => ({
      status: 400,
      json: { error: { code: 400, message: 'contents is not specified', status: 'INVALID_ARGUMENT' } },
    }));
    expect((await post(unary, '{"contents": 5}')).status).toBe(400);
    gemini.answerWith(() => null);
    expect((await post(unary)).status).toBe(200);
    expect((await post(unary, '{"contents": ')).status).toBe(400);
    expect((await post('/v1beta/models/a%2Fb:generateContent')).status).toBe(404);
  });
});

describe('files', () => {
  const uploadUrl =
    'https://generativelanguage.googleapis.com/upload/v1beta/files?upload_id=u1&upload_protocol=resumable';

  /** Google's files: each belongs to the key that made it. */
  async function startWithFiles() {
    const native = await startNative();
    const files = new Map<string, string>();
    native.gemini.answerWith((call): ScriptedAnswer => {
      if (call.headers['x-goog-upload-command'] === 'start')
        return { json: {}, headers: { 'x-goog-upload-url': uploadUrl, 'x-goog-upload-status': 'active' } };
      if (call.path.startsWith('/upload/')) {
        const name = `files/f${files.size + 1}`;
        files.set(name, call.key);
        const file = { name, uri: `https://generativelanguage.googleapis.com/v1beta/${name}`, bytes: call.text };
        return { json: { file }, headers: { 'x-goog-upload-status': 'final' } };
      }
      const name = /files\/\w+/.exec(call.path)?.[0] ?? '';
      const owner = files.get(name);
      if (call.path.startsWith('/v1beta/files/') && owner !== call.key)
        return { status: 403, json: { error: { code: 403, message: `You do not have permission to access ${name}` } } };
      if (call.method === 'DELETE') files.delete(name);
      if (call.path.startsWith('/v1beta/files/')) return { json: { name, state: 'ACTIVE' } };
      return { json: text(call.key) };
    });
    return { ...native, files };
  }

  test('are sent to the gateway, piece after piece with the key that began', async () => {
    const { url, call, post, gemini } = await startWithFiles();
    const start = await post('/upload/v1beta/files', '{"file":{}}', { 'x-goog-upload-command': 'start' });
    const address = start.headers.get('x-goog-upload-url') ?? '';
    expect(address).toBe(`${url}/upload/v1beta/files?upload_id=u1&upload_protocol=resumable`);
    const headers = { 'x-goog-upload-command': 'upload, finalize', 'content-type': 'image/png' };
    const sent = await call(address.slice(url.length), { method: 'POST', body: 'PNG', headers });
    expect(await sent.json()).toMatchObject({ file: { name: 'files/f1', bytes: 'PNG' } });
    const [first, second] = gemini.calls.filter(({ path }) => path.startsWith('/upload/'));
    expect(second?.key).toBe(first?.key);
    expect(second?.headers).toMatchObject({ 'x-goog-upload-command': 'upload, finalize', 'content-type': 'image/png' });
  });

  test('are used with the key that made them, also after a restart, and by nobody else', async () => {
    const { call, post, createKey, files, restart } = await startWithFiles();
    const finalize = { 'x-goog-upload-command': 'upload, finalize' };
    for (const content of ['one', 'two', 'three']) await post('/upload/v1beta/files', content, finalize);
    expect(new Set(files.values()).size).toBe(2);
    await restart();
    for (const [name, key] of files) {
      const uri = `https://generativelanguage.googleapis.com/v1beta/${name}`;
      const contents = [{ parts: [{ fileData: { fileUri: uri } }] }];
      const asked = await post(unary, JSON.stringify({ contents }));
      expect(JSON.stringify(await asked.json())).toContain(key);
      expect((await call(`/v1beta/${name}`)).status).toBe(200);
    }
    const stranger = await createKey('stranger');
    expect((await call('/v1beta/files/f1', {}, stranger)).status).toBe(404);
    expect(await (await call('/v1beta/files', {}, stranger)).json()).toEqual({});
  });

  test('are refused to others in a way that can be found by the id of the request', async () => {
    const { call, post, createKey, graphql } = await startWithFiles();
    await post('/upload/v1beta/files', 'mine', { 'x-goog-upload-command': 'upload, finalize' });
    const refused = await call('/v1beta/files/f1', {}, await createKey('stranger'));
    expect(refused.status).toBe(404);
    const { request } = await graphql(
      'query($requestId: ID!) { request(requestId: $requestId) { outcome httpStatus error { code } } }',
      { requestId: refused.headers.get('x-request-id') },
    );
    expect(request).toEqual({ outcome: 'REJECTED', httpStatus: 404, error: { code: 'resource_not_found' } });
  });

  test('are named by their id in every other format, by the client key that uploaded them', async () => {
    const { call, post, createKey, files } = await startWithFiles();
    for (const content of ['one', 'two'])
      await post('/upload/v1beta/files', content, { 'x-goog-upload-command': 'upload, finalize' });
    const hello = { type: 'text', text: 'Hello?' };
    const requests = (id: string): [string, object][] => {
      const chat = [{ role: 'user', content: [{ type: 'file', file: { file_id: id } }, hello] }];
      const message = [{ role: 'user', content: [{ type: 'document', source: { type: 'file', file_id: id } }, hello] }];
      const input = [{ role: 'user', content: [{ type: 'input_image', file_id: id }] }];
      return [
        ['/v1/chat/completions', { model, messages: chat }],
        ['/v1/responses', { model, input }],
        ['/v1/messages', { model, messages: message, max_tokens: 9 }],
      ];
    };
    const ask = (path: string, body: object, secret?: string) =>
      call(path, { method: 'POST', body: JSON.stringify(body) }, secret);
    for (const [name, key] of files)
      for (const [path, body] of requests(name)) {
        expect(await (await ask(path, body)).text()).toContain(key);
        expect((await ask(path, { ...body, stream: true })).status).toBe(200);
      }
    const stranger = await createKey('stranger');
    for (const [path, body] of requests('files/f1')) expect((await ask(path, body, stranger)).status).toBe(400);
  });

  test('are read by a batch of who uploaded them, and by nobody else’s', async () => {
    const { post, call, createKey, files, gemini } = await startWithFiles();
    for (const content of ['one', 'two'])
      await post('/upload/v1beta/files', content, { 'x-goog-upload-command': 'upload, finalize' });
    const path = `/v1beta/models/${model}:batchGenerateContent`;
    const from = (inputConfig: object) => JSON.stringify({ batch: { displayName: 'b', inputConfig } });
    for (const [name, key] of files)
      for (const config of [{ fileName: name }, { file_name: name }]) {
        expect((await post(path, from(config))).status).toBe(200);
        expect(gemini.calls.at(-1)).toMatchObject({ path, key });
      }
    const before = gemini.calls.length;
    const theirs = { method: 'POST', body: from({ fileName: 'files/f1' }) };
    expect((await call(path, theirs, await createKey('stranger'))).status).toBe(404);
    expect(gemini.calls).toHaveLength(before);
  });

  test('are listed page by page, the caller’s own only, and gone when they were deleted', async () => {
    const { call, post } = await startWithFiles();
    for (const content of ['one', 'two', 'three'])
      await post('/upload/v1beta/files', content, { 'x-goog-upload-command': 'upload, finalize' });
    const page = async (query: string) => (await call(`/v1beta/files${query}`)).json();
    expect(await page('?pageSize=2')).toEqual({
      files: [
        { name: 'files/f3', state: 'ACTIVE' },
        { name: 'files/f2', state: 'ACTIVE' },
      ],
      nextPageToken: '2',
    });
    expect((await call('/v1beta/files/f2', { method: 'DELETE' })).status).toBe(200);
    expect(await page('')).toMatchObject({ files: [{ name: 'files/f3' }, { name: 'files/f1' }] });
    expect((await call('/v1beta/files?pageToken=x')).status).toBe(400);
  });
});

test('an interaction is answered with its tokens in the ledger, and goes on with the same key', async () => {
  const { call, post, gemini, graphql } = await startNative();
  const usage = { total_input_tokens: 5, total_output_tokens: 2, total_thought_tokens: 3, total_tokens: 10 };
  gemini.answerWith(() => ({ json: { id: 'i1', steps: [], usage } }));
  await post('/v1beta/interactions', JSON.stringify({ model, input: 'Hello?' }));
  await post('/v1beta/interactions', JSON.stringify({ model, input: 'And?', previous_interaction_id: 'i1' }));
  await call('/v1beta/interactions/i1');
  const [first, second] = gemini.generations();
  expect(second?.key).toBe(first?.key);
  const { requests } = await graphql(requestsQuery);
  expect(requests.nodes).toMatchObject([
    { outcome: 'SUCCEEDED', requestedModel: '', tokens: { total: 0 } },
    { outcome: 'SUCCEEDED', requestedModel: model, tokens: { total: 10 } },
    { outcome: 'SUCCEEDED', tokens: { total: 10 } },
  ]);
});

test('a film is asked for until it is done, and fetched, with the key that makes it; nobody else sees it', async () => {
  const { call, post, createKey, gemini, graphql } = await startNative();
  const name = 'models/veo-3.1/operations/o1';
  const uri = 'https://generativelanguage.googleapis.com/v1beta/files/film:download?alt=media';
  const response = { generateVideoResponse: { generatedSamples: [{ video: { uri } }] } };
  const answers = { POST: { name }, GET: { name, done: true, response } };
  gemini.answerWith(({ method }) => ({ json: answers[method as keyof typeof answers] }));
  const started = await post('/v1beta/models/veo-3.1:predictLongRunning', '{"instances":[{"prompt":"A cat"}]}');
  expect(await started.json()).toEqual({ name });
  expect(await (await call(`/v1beta/${name}`)).json()).toMatchObject({ done: true });
  gemini.answerWith(() => ({ raw: ['film'], headers: { 'content-type': 'video/mp4' } }));
  expect(await (await call('/v1beta/files/film:download?alt=media')).text()).toBe('film');
  const keys = gemini.calls.map(({ key }) => key);
  expect(keys).toEqual(Array(3).fill(keys[0]));
  const stranger = await createKey('stranger');
  for (const path of [`/v1beta/${name}`, '/v1beta/files/film:download?alt=media'])
    expect((await call(path, {}, stranger)).status).toBe(404);
  // What a film costs is not told in tokens.
  const { requests } = await graphql('{ requests { nodes { tokens { isEstimated } } } }');
  expect(requests.nodes.map(({ tokens }: { tokens: object }) => tokens).slice(-3)).toEqual([
    { isEstimated: false },
    { isEstimated: false },
    { isEstimated: true },
  ]);
});

test.each(['/v1beta/interactions', unary])('a caller of %s who goes away ends the upstream call', async (path) => {
  const { call, gemini, graphql } = await startNative();
  const started = Promise.withResolvers<void>();
  gemini.answerWith(() => {
    started.resolve();
    return { hangs: true };
  });
  const leave = new AbortController();
  const asked = call(path, { method: 'POST', body, signal: leave.signal });
  await started.promise;
  leave.abort();
  await expect(asked).rejects.toThrow();
  await gemini.generations()[0]?.aborted;
  await expect.poll(async () => (await graphql(requestsQuery)).requests.nodes[0].outcome).toBe('CANCELLED');
});

describe('a batch', () => {
  const path = `/v1beta/models/${model}:batchGenerateContent`;
  const inline = (...models: string[]) => {
    const requests = models.map((name) => ({ request: { model: `models/${name}`, contents: [] } }));
    return JSON.stringify({ batch: { inputConfig: { requests: { requests } } } });
  };
  const fromFile = '{"batch":{"input_config":{"file_name":"files/requests"}}}';

  async function startHeldTo(...allowedModels: string[]) {
    const { url, graphql, gemini, createKey } = await startNative();
    const secret = await createKey('held');
    const { clientKeys } = await graphql('{ clientKeys { nodes { id name } } }');
    const { id } = clientKeys.nodes.find(({ name }: { name: string }) => name === 'held');
    await graphql('mutation ($input: ClientKeyUpdateInput!) { clientKeyUpdate(input: $input) { __typename } }', {
      input: { id, allowedModels },
    });
    const post = async (body: string) => {
      const headers = { 'x-goog-api-key': secret, 'content-type': 'application/json' };
      const answer = await fetch(url + path, { method: 'POST', body, headers });
      return [answer.status, ((await answer.json()) as { error?: { status?: string } }).error?.status];
    };
    return { post, gemini, graphql };
  }

  test('of a client key that is held to some models names these alone, and lies in no file', async () => {
    const { post, gemini, graphql } = await startHeldTo('gemini-3.8*');
    expect(await post(inline(model))).toEqual([200, undefined]);
    expect(await post(inline(model, 'gemini-3.5-flash'))).toEqual([400, 'INVALID_ARGUMENT']);
    expect(await post(fromFile)).toEqual([403, 'PERMISSION_DENIED']);
    expect(gemini.calls).toHaveLength(1);
    const { requests } = await graphql('{ requests(first: 2) { nodes { outcome httpStatus error { code } } } }');
    expect(requests.nodes).toEqual([
      { outcome: 'REJECTED', httpStatus: 403, error: { code: 'permission_denied' } },
      { outcome: 'REJECTED', httpStatus: 400, error: { code: 'invalid_value' } },
    ]);
  });

  test('that says a thing twice is refused, as the other reader may take what is not looked at here', async () => {
    const { post, gemini } = await startHeldTo('gemini-3.8*');
    const hidden = [
      fromFile.replace('}}}', '}},"batch":{}}'),
      inline('gemini-3.5-flash').replace('"contents"', `"mod\\u0065l" : "models/${model}","contents"`),
    ];
    for (const body of hidden) {
      expect(JSON.stringify(JSON.parse(body))).not.toMatch(/file|3\.5/);
      expect(await post(body)).toEqual([400, 'INVALID_ARGUMENT']);
    }
    expect(gemini.calls).toEqual([]);
  });

  test('of a client key that may use every model may lie in a file', async () => {
    const { post } = await startHeldTo('*');
    expect(await post(fromFile)).toEqual([200, undefined]);
  });

  test('leaves its results to who began it', async () => {
    const { call, post, createKey, gemini } = await startNative();
    gemini.answerWith(({ method }) =>
      method === 'POST'
        ? { json: { name: 'batches/b1' } }
        : { json: { name: 'batches/b1', done: true, response: { responsesFile: 'files/batch-b1' } } },
    );
    await post(path, inline(model));
    await call('/v1beta/batches/b1');
    expect((await call('/download/v1beta/files/batch-b1:download?alt=media')).status).toBe(200);
    expect(new Set(gemini.calls.map(({ key }) => key)).size).toBe(1);
    const stranger = await createKey('stranger');
    const theirs = await call('/download/v1beta/files/batch-b1:download?alt=media', {}, stranger);
    expect(theirs.status).toBe(404);
  });
});

describe('beside models,', () => {
  test('what is not there or not permitted rests no key', async () => {
    const { call, post, gemini } = await startNative();
    gemini.answerWith(() => googleError(403, 'PERMISSION_DENIED', 'You do not have permission, or it may not exist.'));
    expect((await call('/v1beta/files/none')).status).toBe(404);
    expect((await post(unary, '{"contents":[],"cachedContent":"elsewhere"}')).status).toBe(404);
    gemini.answerWith(() => googleError(404, 'NOT_FOUND', 'Not found.'));
    expect((await post('/v1beta/interactions', `{"model":"${model}","previous_interaction_id":"none"}`)).status).toBe(
      404,
    );
    const unsupported = `models/${model} is not found for API version v1beta, or is not supported for embedContent.`;
    gemini.answerWith(() => googleError(404, 'NOT_FOUND', unsupported));
    expect((await post(`/v1beta/models/${model}:embedContent`)).status).toBe(404);
    gemini.answerWith(() => null);
    expect((await post(unary)).status).toBe(200);
    expect((await call('/v1beta/files/f')).status).toBe(200);
  });

  test('credentials and what would take the place of method or body stay out of the address', async () => {
    const { call, gemini } = await startNative();
    await call('/v1beta/files/f?%6bey=gp_secret&access_token=x&%24httpMethod=DELETE&$req=x&view=full');
    expect(gemini.calls.at(-1)?.path).toBe('/v1beta/files/f?view=full');
  });

  test('lists hold the caller’s own only, of every collection', async () => {
    const { call, gemini } = await startNative();
    for (const collection of ['operations', 'generatedFiles', 'interactions', 'batches'])
      expect(await (await call(`/v1beta/${collection}`)).json()).toEqual({});
    expect(gemini.calls).toEqual([]);
  });

  test('HEAD of a list is its head without a body, and asks Google for no more than the list', async () => {
    const { call, post, gemini } = await startNative();
    gemini.answerWith(() => ({ json: { name: 'cachedContents/c1' } }));
    await post('/v1beta/cachedContents', `{"model":"${model}"}`);
    const list = await call('/v1beta/cachedContents');
    const head = await call('/v1beta/cachedContents', { method: 'HEAD' });
    expect(await head.text()).toBe('');
    for (const name of ['content-type', 'content-length'])
      expect([name, head.headers.get(name)]).toEqual([name, list.headers.get(name)]);
    expect(gemini.calls.slice(1).map(({ method, path: asked }) => `${method} ${asked}`)).toEqual(
      Array(2).fill('GET /v1beta/cachedContents/c1'),
    );
  });

  test('a list that a dead key refuses forgets nobody’s files', async () => {
    const { call, post, createKey, gemini } = await startNative();
    gemini.answerWith(() => ({ json: { name: 'cachedContents/c1' } }));
    await post('/v1beta/cachedContents', `{"model":"${model}"}`);
    gemini.answerWith(() => googleError(403, 'PERMISSION_DENIED', 'Your API key was reported as leaked.'));
    expect(await (await call('/v1beta/cachedContents')).json()).toEqual({});
    gemini.answerWith(() => ({ json: {} }));
    expect((await call('/v1beta/cachedContents/c1', {}, await createKey('stranger'))).status).toBe(404);
  });

  test('a store is its maker’s, also as a tool and after something in it was deleted', async () => {
    const { call, post, createKey, gemini } = await startNative();
    gemini.answerWith(() => ({ json: { name: 'fileSearchStores/s1' } }));
    await post('/v1beta/fileSearchStores', '{}');
    gemini.answerWith(() => ({ json: {} }));
    await call('/v1beta/fileSearchStores/s1/documents/d1', { method: 'DELETE' });
    const stranger = await createKey('stranger');
    const asked = '{"tools":[{"fileSearch":{"fileSearchStoreNames":["fileSearchStores/s1"]}}]}';
    const use = await call(unary, { method: 'POST', body: asked }, stranger);
    expect([use.status, (await call('/v1beta/fileSearchStores/s1', {}, stranger)).status]).toEqual([404, 404]);
  });

  test('an upload address holds no Gemini key, and one that cannot be read leaves no request open', async () => {
    const { post, call, createKey, gemini, graphql } = await startNative();
    gemini.answerWith(({ key }) => ({
      json: {},
      headers: { 'x-goog-upload-url': `https://google.example/upload/v1beta/files?key=${key}&upload_id=u1` },
    }));
    const address = (await post('/upload/v1beta/files')).headers.get('x-goog-upload-url') ?? '';
    expect(address.slice(address.indexOf('/upload'))).toBe('/upload/v1beta/files?upload_id=u1');
    const stranger = await createKey('stranger');
    const path = '/upload/v1beta/files?upload_id=other&upload_id=u1';
    expect((await call(path, { method: 'POST', body: 'x' }, stranger)).status).toBe(404);
    gemini.answerWith(() => ({ json: {}, headers: { 'x-goog-upload-url': 'nowhere' } }));
    expect((await post('/upload/v1beta/files')).headers.get('x-goog-upload-url')).toBeNull();
    expect((await graphql('{ ledger { openRequests } }')).ledger.openRequests).toBe(0);
  });
});

test.each(['application/json', 'text/event-stream', 'application/octet-stream'])(
  'an error inside a success of type %s names no Gemini key, and every other byte passes',
  async (type) => {
    const { call, gemini } = await startNative();
    const [before, after] = [Buffer.from([0xff, 0, 0x41]), Buffer.from('é AIza-of-somebody-else-0123456789')];
    gemini.answerWith(({ key }) => ({
      raw: [Buffer.concat([before, Buffer.from(`API key ${key} expired`), after])],
      headers: { 'content-type': type },
    }));
    const answer = Buffer.from(await (await call('/v1beta/operations/o1')).arrayBuffer());
    expect(answer).toEqual(Buffer.concat([before, Buffer.from('API key [key] expired'), after]));
  },
);

test('fields of a wrong type in an answer end the request, with a ledger that is sound', async () => {
  const { post, gemini, graphql, verifyLedger } = await startNative(withoutPauses);
  const noText = { toString: 1 };
  const tokens = Number.MAX_SAFE_INTEGER;
  const odd: object[] = [
    { modelVersion: { a: 1 } },
    { modelVersion: 5 },
    { candidates: [{ finishReason: noText, content: { parts: [{ text: 'x' }] } }] },
    { candidates: [{ finishReason: '__proto__', content: { parts: [{ text: 'x' }] } }] },
    { error: { status: 'constructor', message: 5 } },
    { candidates: [{ finishReason: { a: 1 }, content: { parts: [{ text: 'x' }] } }] },
    { usageMetadata: { promptTokenCount: tokens, candidatesTokenCount: tokens } },
  ];
  const chat = JSON.stringify({ model, messages: [{ role: 'user', content: 'x' }] });
  for (const more of odd) {
    gemini.answerWith(() => ({ json: { ...text('x'), ...more } }));
    for (const answer of [await post(unary), await post('/v1/chat/completions', chat)]) {
      await answer.text();
      expect([200, 502]).toContain(answer.status);
    }
  }
  gemini.answerWith(() => ({ json: { steps: [], usage: { input_tokens_by_modality: [{ modality: noText }] } } }));
  expect((await post('/v1beta/interactions', `{"model":"${model}"}`)).status).toBe(200);
  expect((await graphql('{ ledger { openRequests } }')).ledger.openRequests).toBe(0);
  expect(await verifyLedger()).toMatchObject({ isSound: true });
});
