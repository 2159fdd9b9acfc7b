import type Router from '@koa/router';
import { expect, test } from 'vitest';
import { errorShape } from '../../server/http/error-shape.ts';
import { startTestGateway } from '../support/gateway.ts';
import { readEvents } from '../support/ledger.ts';

const anthropic = { 'anthropic-version': '2023-06-01' };
const google = { 'x-goog-api-key': 'gp_x' };

test.each([
  ['POST', '/v1/chat/completions', {}, {}, 'openai'],
  ['POST', '/v1/chat/completions', google, { key: 'gp_x' }, 'openai'],
  ['POST', '/v1/messages', {}, {}, 'anthropic'],
  ['POST', '/v1/messages/count_tokens', google, {}, 'anthropic'],
  ['POST', '/v1/messagesboard', {}, {}, 'openai'],
  ['GET', '/v1beta/models', {}, {}, 'gemini'],
  ['POST', '/v1beta/models/gemini-3.8-flash:generateContent', anthropic, {}, 'gemini'],
  ['POST', '/v1/models/gemini-3.8-flash:streamGenerateContent', {}, {}, 'gemini'],
  ['POST', '/upload/v1beta/files', {}, {}, 'gemini'],
  ['GET', '/download/v1beta/files/x:download', {}, {}, 'gemini'],
  ['GET', '/v1alpha/models', {}, {}, 'gemini'],
  ['POST', '/v1/interactions', {}, {}, 'gemini'],
  ['GET', '/v1/files', {}, {}, 'openai'],
  ['GET', '/v1/files', google, {}, 'gemini'],
  ['GET', '/v1/models', {}, {}, 'openai'],
  ['GET', '/v1/models', anthropic, {}, 'anthropic'],
  ['GET', '/v1/models', google, {}, 'gemini'],
  ['GET', '/v1/models/gemini-3.8-flash', {}, { key: 'gp_x' }, 'gemini'],
  ['GET', '/v1/models/ft:gpt-4o:acme', {}, {}, 'openai'],
  ['GET', '/graphql', anthropic, { key: 'x' }, 'openai'],
])('an error of %s %s with %j %j is in the shape of %s', (method, path, headers, query, shape) => {
  expect(errorShape({ method, path, headers }, query)).toBe(shape);
});

/** What every error has, in each shape. */
const shapes = {
  openai: { error: { message: expect.any(String), type: expect.any(String), param: null, code: expect.any(String) } },
  anthropic: {
    type: 'error',
    error: { type: expect.any(String), message: expect.any(String) },
    request_id: expect.stringMatching(/^req_/),
  },
  gemini: { error: { code: expect.any(Number), message: expect.any(String), status: expect.any(String) } },
};

test('every refusal of the edge is in the shape of who asks, and none is a 500', async () => {
  const { url, createClientKey } = await startTestGateway();
  const authorization = `Bearer ${await createClientKey()}`;
  const call = (method: string, path: string, headers: Record<string, string>) =>
    fetch(url + path, { method, headers, ...(method === 'POST' && { body: '{' }) });
  const cases: [keyof typeof shapes, number, string, string, Record<string, string>][] = [
    ['openai', 401, 'POST', '/v1/chat/completions', {}],
    ['openai', 404, 'GET', '/v1/nothing', {}],
    ['openai', 405, 'GET', '/v1/chat/completions', { authorization }],
    ['openai', 415, 'POST', '/v1/chat/completions', { authorization, 'content-encoding': 'rot13' }],
    ['openai', 400, 'POST', '/v1/chat/completions', { authorization }],
    ['openai', 405, 'DELETE', '/v1/models', { authorization }],
    ['anthropic', 404, 'GET', '/v1/messages/batches', { authorization }],
    ['anthropic', 401, 'GET', '/v1/models', anthropic],
    ['anthropic', 405, 'POST', '/v1/models', { ...anthropic, authorization }],
    ['gemini', 404, 'GET', '/v1beta/nothing', { authorization }],
    ['gemini', 401, 'GET', '/v1/models', { 'x-goog-api-key': 'gp_wrong' }],
    ['gemini', 401, 'GET', '/v1/models?key=gp_wrong', {}],
  ];
  for (const [shape, status, method, path, headers] of cases) {
    const response = await call(method, path, headers);
    expect([path, response.status]).toEqual([path, status]);
    expect(await response.json()).toEqual(shapes[shape]);
    expect(response.headers.get('content-type')).toBe('application/json; charset=utf-8');
    expect(response.headers.get('x-request-id')).toMatch(/^req_[0-9a-f]{32}$/);
    if (status === 405) expect(response.headers.get('allow')).toMatch(/GET|POST/);
  }
});

test('the admin API keeps its own shape of errors', async () => {
  const { url } = await startTestGateway();
  const broken = await fetch(`${url}/graphql`, {
    method: 'POST',
    headers: { ...anthropic, 'content-type': 'application/json' },
    body: '{"query":"{"}',
  });
  expect(await broken.json()).toMatchObject({ errors: [{ message: expect.stringContaining('Syntax Error') }] });
  expect(broken.headers.get('x-request-id')).toMatch(/^req_/);
});

test('every route of the API asks for a client key, in the shape of its clients', async () => {
  const { url, app, gemini } = await startTestGateway();
  const routes = app.koa.middleware
    .flatMap((middleware) => (middleware as { router?: Router }).router?.stack ?? [])
    .flatMap(({ methods, path }) => methods.map((method) => ({ method, path: String(path) })))
    .filter(({ method }) => ['GET', 'POST', 'PUT', 'PATCH', 'DELETE'].includes(method));
  const open: string[] = [];
  for (const { method, path } of routes) {
    const address = path.replace(/\{\/\*\w+\}/, '/x').replace(/\{\*\w+\}|:\w+/g, 'x');
    const response = await fetch(url + address, { method });
    if (response.status !== 401) open.push(`${method} ${path}`);
    else expect(await response.json()).toEqual(shapes[errorShape({ method, path: address, headers: {} }, {})]);
  }
  expect(open.sort()).toEqual([
    'GET /',
    'GET /app',
    'GET /app/{*path}',
    'GET /assets/{*path}',
    'GET /favicon.svg',
    'GET /healthz',
    'GET /readyz',
    'POST /graphql',
  ]);
  expect(routes.length).toBeGreaterThan(open.length);
  expect(gemini.calls).toEqual([]);
});

test("the caller's own request id comes back, is in the ledger beside ours, and finds its requests", async () => {
  const { url, folder, createClientKey, graphql, verifyLedger } = await startTestGateway();
  const authorization = `Bearer ${await createClientKey()}`;
  const call = (id: string, body: object) =>
    fetch(`${url}/v1/chat/completions`, {
      method: 'POST',
      headers: { authorization, 'x-client-request-id': id },
      body: JSON.stringify(body),
    });
  const request = { model: 'gemini-3.8-flash', messages: [{ role: 'user', content: 'x' }] };
  const answers = [
    await call('turn 17/a', request),
    await call('turn 17/b', { ...request, stream: true }),
    await call('turn 17/c', { ...request, messages: [] }),
  ];
  expect(answers.map(({ headers }) => headers.get('x-client-request-id'))).toEqual([
    'turn 17/a',
    'turn 17/b',
    'turn 17/c',
  ]);
  await answers[1]?.text();
  for (const bad of ['x'.repeat(129), 'caf\xe9', 'tab\there'])
    expect((await call(bad, request)).headers.has('x-client-request-id')).toBe(false);

  const ids = (await readEvents(folder)).flatMap((event) =>
    event.type === 'RequestAccepted' || event.type === 'RequestRejected' ? [event.clientRequestId] : [],
  );
  expect(ids).toEqual(['turn 17/a', 'turn 17/b', 'turn 17/c', undefined, undefined, undefined]);

  const find = async (filter: object) => {
    const query = `query ($filter: RequestFilterInput) {
      requests(filter: $filter) { totalCount nodes { requestId clientRequestId outcome } } }`;
    return (await graphql(query, { filter })).requests;
  };
  for (const [index, outcome] of ['SUCCEEDED', 'SUCCEEDED', 'REJECTED'].entries()) {
    const { headers } = answers[index] as Response;
    const clientRequestId = headers.get('x-client-request-id');
    const row = { requestId: headers.get('x-request-id'), clientRequestId, outcome };
    expect(await find({ clientRequestId })).toEqual({ totalCount: 1, nodes: [row] });
  }
  expect((await find({ clientRequestId: 'turn 17' })).nodes).toEqual([]);
  expect((await find({})).totalCount).toBe(6);
  expect(await verifyLedger()).toMatchObject({ isSound: true });
});
