import { expect, test } from 'vitest';
import { WebSocket } from 'ws';
import { startTestGateway } from '../support/gateway.ts';
import { openRawSocket } from '../support/raw-socket.ts';

async function startWithKey() {
  const gateway = await startTestGateway();
  const secret = await gateway.createClientKey();
  const call = async (path: string, init: RequestInit = {}) => {
    const headers = { authorization: `Bearer ${secret}`, ...(init.headers as Record<string, string>) };
    const response = await fetch(gateway.url + path, { ...init, headers });
    const text = await response.text();
    return { status: response.status, headers: response.headers, text, json: () => JSON.parse(text) };
  };
  return { ...gateway, call };
}

const messages = [{ role: 'user', content: 'Hello?' }];
const post = (body: object) => ({ method: 'POST', body: JSON.stringify(body) });

test('an endpoint answers under each path that clients make of it, and queries are no part of it', async () => {
  const { call, gemini } = await startWithKey();
  const paths = [
    '/v1/chat/completions/',
    '//v1//chat/completions',
    '/chat/completions',
    '/v1/v1/chat/completions',
    '/v1beta/openai/chat/completions',
    '/openai/v1/chat/completions?api-version=preview',
    '/v1/chat/completions?beta=true&limit=1000',
  ];
  for (const path of paths) {
    const { status, json } = await call(path, post({ model: 'gemini-3.8-flash', messages }));
    expect([path, status, json().object]).toEqual([path, 200, 'chat.completion']);
  }
  expect(gemini.generations()).toHaveLength(paths.length);
  for (const path of ['/models', '/models/', '/v1beta/openai/models', '/openai/models', '/models/gemini-3.8-flash'])
    expect([path, (await call(path)).status]).toEqual([path, 200]);
});

test("Azure's path names the model, unless the body does", async () => {
  const { call, gemini } = await startWithKey();
  const path = '/openai/deployments/gemini-3.5-flash/chat/completions?api-version=2024-10-21';
  const { status, json } = await call(path, post({ messages }));
  expect([status, json().model]).toEqual([200, 'gemini-3.5-flash']);
  await call(path, post({ model: 'gemini-3.8-flash', messages }));
  expect(gemini.generations().map((seen) => seen.path)).toEqual([
    '/v1beta/models/gemini-3.5-flash:generateContent',
    '/v1beta/models/gemini-3.8-flash:generateContent',
  ]);
  expect((await call(path, post([]))).status).toBe(400);
});

test('the dashboard keeps its paths', async () => {
  const { call } = await startWithKey();
  for (const path of ['/', '//', '/app', '/app/', '/app/keys']) {
    const { status, headers } = await call(path);
    expect([path, status, headers.get('content-type')]).toEqual([path, 200, 'text/html; charset=utf-8']);
  }
  expect((await call('/', { method: 'HEAD' })).status).toBe(200);
  expect((await call('/healthz')).json()).toEqual({ status: 'ok' });
  expect((await call('/readyz/')).json()).toEqual({ status: 'ready' });
});

test('a wrong path is told what there is, and a pasted endpoint which base URL is right', async () => {
  const { call, url } = await startWithKey();
  for (const path of ['/v1/moderations', '/moderations', '/v1/realtime', '/v1/nothing', '/api/v1/chat/completions']) {
    const { status, json } = await call(path, { method: 'POST' });
    expect([path, status, json().error.code]).toEqual([path, 404, 'unknown_url']);
    expect(json().error.message).toContain('POST /v1/chat/completions, ');
    expect(json().error.message).toContain('GET /v1/models/{id}');
    expect(json().error.message).not.toContain('graphql');
  }
  const pasted: [string, string][] = [
    ['/v1/chat/completions', '/chat/completions'],
    ['/v1/chat/completions', '/v1/chat/completions'],
    ['/v1/chat/completions', '/models'],
    ['/v1/responses', '/responses'],
    ['/v1/messages', '/v1/messages'],
  ];
  for (const [base, endpoint] of pasted) {
    const { status, json } = await call(base + endpoint, { method: 'POST' });
    expect([base, status]).toEqual([base, 404]);
    expect(json().error.message).toContain(`seems to end with ${base},`);
    expect(json().error.message).toContain(`for OpenAI clients is ${url}/v1,`);
  }
});

test('a target that is no path is refused: nothing is fetched for anybody', async () => {
  const { port, gemini, createClientKey } = await startTestGateway();
  const secret = await createClientKey();
  for (const target of ['http://elsewhere.example/v1/models', '*']) {
    const method = target === '*' ? 'OPTIONS' : 'GET';
    const head = `${method} ${target} HTTP/1.1\r\nhost: x\r\nauthorization: Bearer ${secret}\r\nconnection: close\r\n\r\n`;
    expect(await openRawSocket(port, head).closed).toMatch(/^HTTP\/1.1 400 .*"invalid_url"/s);
  }
  expect(gemini.generations()).toEqual([]);
});

test('a WebSocket is refused by status, and a wish for HTTP/2 is ignored', async () => {
  const { call, url, port, createClientKey } = await startWithKey();
  const refusal = await new Promise<Error>((resolve) => {
    new WebSocket(`${url.replace('http', 'ws')}/v1/responses`).once('error', resolve);
  });
  expect(refusal.message).toBe('Unexpected server response: 426');
  expect((await call('/v1/models')).status).toBe(200);

  const secret = await createClientKey();
  const body = JSON.stringify({ model: 'gemini-3.8-flash', messages });
  const java = [
    'POST /v1/chat/completions HTTP/1.1',
    'host: x',
    'connection: upgrade, http2-settings, close',
    'upgrade: h2c',
    'http2-settings: AAEAAEAAAAIAAAABAAMAAABkAAQBAAAAAAUAAEAA',
    `authorization: Bearer ${secret}`,
    `content-length: ${body.length}`,
  ];
  expect(await openRawSocket(port, `${java.join('\r\n')}\r\n\r\n${body}`).closed).toMatch(/^HTTP\/1.1 200 .*"Hello"/s);
});
