import { expect, test } from 'vitest';
import { startTestGateway } from '../support/gateway.ts';

const origin = 'https://chat.example';

test('any path of the API may be asked for by a browser, without a key', async () => {
  const { url } = await startTestGateway();
  const asked =
    'authorization, content-type, x-stainless-os, openai-organization, anthropic-version, http-referer, x-title';
  const paths = [
    '/v1/chat/completions',
    '/v1/models',
    '/chat/completions',
    '/v1/not-there',
    '/v1beta/models',
    '/upload/x',
  ];
  for (const path of paths) {
    const response = await fetch(url + path, {
      method: 'OPTIONS',
      headers: {
        origin,
        'access-control-request-method': 'POST',
        'access-control-request-headers': asked,
        'access-control-request-private-network': 'true',
      },
    });
    expect([path, response.status]).toEqual([path, 204]);
    expect(Object.fromEntries(response.headers)).toMatchObject({
      'access-control-allow-origin': '*',
      'access-control-allow-headers': asked,
      'access-control-allow-methods': expect.stringContaining('POST'),
      'access-control-allow-private-network': 'true',
      'access-control-max-age': '86400',
      'x-request-id': expect.stringMatching(/^req_/),
      vary: 'Origin',
    });
    expect(response.headers.has('access-control-allow-credentials')).toBe(false);
  }
});

test('answers, streams and errors can be read by the page that asked', async () => {
  const { url, createClientKey } = await startTestGateway();
  const authorization = `Bearer ${await createClientKey()}`;
  const call = (body: string, headers = {}) =>
    fetch(`${url}/v1/chat/completions`, { method: 'POST', body, headers: { origin, authorization, ...headers } });
  const request = { model: 'gemini-3.8-flash', messages: [{ role: 'user', content: 'x' }] };
  const answers: [number, Promise<Response>][] = [
    [200, call(JSON.stringify(request))],
    [200, call(JSON.stringify({ ...request, stream: true }))],
    [400, call('{')],
    [401, call('{}', { authorization: 'Bearer gp_wrong' })],
    [404, fetch(`${url}/v1/nothing`, { headers: { origin } })],
    [405, fetch(`${url}/v1/chat/completions`, { headers: { origin } })],
  ];
  for (const [status, answer] of answers) {
    const { status: actual, headers } = await answer;
    expect([actual, headers.get('access-control-allow-origin')]).toEqual([status, '*']);
    expect(headers.get('vary')).toBe('Origin');
    const exposed = headers.get('access-control-expose-headers')?.split(',');
    expect(exposed).toEqual(
      expect.arrayContaining(['x-request-id', 'retry-after', 'retry-after-ms', 'x-ratelimit-remaining-tokens']),
    );
  }
});

test('the dashboard and its admin API are closed to the pages of other sites', async () => {
  const { url } = await startTestGateway();
  for (const path of ['/graphql', '/', '/app/keys', '/favicon.svg', '/healthz']) {
    for (const method of ['OPTIONS', 'GET', 'POST']) {
      const headers = { origin, 'access-control-request-method': 'POST', 'content-type': 'application/json' };
      const response = await fetch(url + path, { method, headers });
      const granted = [...response.headers.keys()].filter((name) => name.startsWith('access-control-'));
      expect([path, method, granted]).toEqual([path, method, []]);
    }
  }
});

test('clients that are no browsers are spared the headers', async () => {
  const { url } = await startTestGateway();
  const { headers } = await fetch(`${url}/v1/models`);
  expect(headers.get('vary')).toBe('Origin');
  expect(headers.has('access-control-allow-origin')).toBe(false);
});
