import { expect, test } from 'vitest';
import { startTestGateway, type TestGatewayOptions } from '../support/gateway.ts';
import { openRawSocket } from '../support/raw-socket.ts';

async function startWithKey(options: TestGatewayOptions = {}) {
  const gateway = await startTestGateway({}, options);
  const { apiKey } = await gateway.openai();
  const call = async (path: string, init: RequestInit = {}) => {
    const headers = { authorization: `Bearer ${apiKey}`, ...(init.headers as Record<string, string>) };
    const response = await fetch(gateway.url + path, { ...init, headers });
    return {
      status: response.status,
      headers: response.headers,
      body: (await response.json()) as { error: Record<string, unknown> },
    };
  };
  return { ...gateway, call, authorization: `Bearer ${apiKey}` };
}

test('every refusal is an OpenAI error object, and none is a 500', async () => {
  const { call } = await startWithKey();
  const post = (body: string, headers = {}) => call('/v1/chat/completions', { method: 'POST', body, headers });
  const nested = '['.repeat(100_000);
  const deep = '{"a":'.repeat(20_000) + 1 + '}'.repeat(20_000);
  const asked = { role: 'user', content: 'x' };
  const called = {
    role: 'assistant',
    tool_calls: [{ id: 'c', type: 'function', function: { name: 'f', arguments: deep } }],
  };
  const cases: [Promise<Awaited<ReturnType<typeof call>>>, number, string][] = [
    [post('{"model": '), 400, 'invalid_json'],
    [post(''), 400, 'invalid_json'],
    [post(nested + ']'.repeat(100_000)), 400, 'invalid_value'],
    [post(`{"model":"m","messages":[],"metadata":${deep}}`), 400, 'invalid_value'],
    [
      post(JSON.stringify({ model: 'm', messages: [asked, called, { role: 'tool', tool_call_id: 'c', content: '' }] })),
      400,
      'invalid_value',
    ],
    [post('[]'), 400, 'invalid_value'],
    [post('{"model":5,"messages":[]}'), 400, 'invalid_value'],
    [post('{"model":"m","messages":[{"role":"king","content":"x"}]}'), 400, 'invalid_value'],
    [
      post(
        '{"model":"m","messages":[{"role":"user","content":[{"type":"image_url","image_url":{"url":"http://10.0.0.1/"}}]}]}',
      ),
      400,
      'invalid_image_url',
    ],
    [post('{}', { authorization: 'Bearer nobody-knows-this-key' }), 401, 'invalid_api_key'],
    [post('{}', { 'content-encoding': 'lzw' }), 415, 'unsupported_encoding'],
    [call('/v1/nothing'), 404, 'unknown_url'],
    [call('/v1/models/none'), 404, 'model_not_found'],
    [call('/v1/chat/completions'), 405, 'method_not_allowed'],
  ];
  for (const [answer, status, code] of cases) {
    const { status: actual, body, headers } = await answer;
    expect([actual, body.error.code]).toEqual([status, code]);
    expect(Object.keys(body.error).sort()).toEqual(['code', 'message', 'param', 'type']);
    expect(headers.get('x-request-id')).toMatch(/^req_[0-9a-f]{32}$/);
  }
});

test('a body that is refused can be found by the id of its request, in every format', async () => {
  const { call, graphql } = await startWithKey();
  const multipart = { 'content-type': 'multipart/form-data; boundary=b' };
  const refused: [string, Record<string, string>, object][] = [
    ['/v1/chat/completions', {}, { format: 'openai-chat', requestedModel: '', error: { code: 'invalid_json' } }],
    ['/v1/messages', multipart, { format: 'anthropic-messages', error: { code: 'unsupported_media_type' } }],
    ['/v1/responses', { 'content-encoding': 'lzw' }, { error: { code: 'unsupported_encoding' }, httpStatus: 415 }],
    ['/v1/audio/transcriptions', {}, { format: 'openai-transcriptions', error: { code: 'unsupported_media_type' } }],
    ['/openai/deployments/m/chat/completions', {}, { requestedModel: 'm', error: { code: 'invalid_json' } }],
    [
      '/v1beta/models/m:generateContent',
      {},
      { format: 'gemini', requestedModel: 'm', error: { code: 'invalid_json' } },
    ],
    ['/v1beta/cachedContents', {}, { format: 'gemini', error: { code: 'invalid_json' }, httpStatus: 400 }],
  ];
  for (const [path, headers, row] of refused) {
    const answer = await call(path, { method: 'POST', body: '{', headers });
    const { request } = await graphql(
      `query ($requestId: ID!) { request(requestId: $requestId) {
        outcome format requestedModel httpStatus error { code } } }`,
      { requestId: answer.headers.get('x-request-id') },
    );
    expect([path, request]).toMatchObject([path, { outcome: 'REJECTED', httpStatus: answer.status, ...row }]);
  }
});

test('who hangs up in the middle of a body leaves no request and no complaint behind', async () => {
  const logged: string[] = [];
  const { call, port, authorization, graphql } = await startWithKey({ log: (line) => logged.push(line) });
  const head = `POST /v1/chat/completions HTTP/1.1\r\nhost: x\r\nauthorization: ${authorization}\r\n`;
  const { socket, closed } = openRawSocket(port, `${head}content-length: 99\r\nexpect: 100-continue\r\n\r\n`);
  // The gateway is reading by then.
  await new Promise((resolve) => socket.once('data', resolve));
  socket.write('{');
  socket.resetAndDestroy();
  await closed;
  // What is answered after another answer comes after all that could still follow from the hanging up.
  for (const body of ['{', '{']) await call('/v1/chat/completions', { method: 'POST', body });
  const { requests } = await graphql('{ requests { nodes { error { code } } } }');
  expect(requests.nodes).toEqual(Array(2).fill({ error: { code: 'invalid_json' } }));
  expect(logged).toEqual([]);
});

test('a wrong method names the right one, and a wrong path the base URL', async () => {
  const { call, url } = await startWithKey();
  expect((await call('/v1/chat/completions')).headers.get('allow')).toContain('POST');
  expect((await call('/v1/nothing')).body.error.message).toContain(`${url}/v1`);
});

test('a body that is too long is refused before it is read', async () => {
  const { call } = await startWithKey();
  const body = Buffer.alloc(100_000_001, ' ');
  const { status, body: answer } = await call('/v1/chat/completions', { method: 'POST', body });
  expect([status, answer.error.code]).toEqual([413, 'request_too_large']);
});

test('the key may come in any of the places where client libraries put it', async () => {
  const { url, openai } = await startTestGateway();
  const apiKey = String((await openai()).apiKey);
  const places: [string, Record<string, string>][] = [
    ['', { authorization: `bearer  ${apiKey} ` }],
    ['', { 'x-api-key': apiKey }],
    ['', { 'api-key': apiKey }],
    ['', { 'x-goog-api-key': apiKey }],
    [`?key=${apiKey}`, {}],
  ];
  for (const [query, headers] of places)
    expect((await fetch(`${url}/v1/models${query}`, { headers })).status).toBe(200);
});
