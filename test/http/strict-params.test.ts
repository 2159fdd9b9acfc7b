import { expect, test } from 'vitest';
import { startTestGateway } from '../support/gateway.ts';

const model = 'gemini-3.8-flash';
const messages = [{ role: 'user', content: 'Hello?' }];

async function start(settings: Record<string, string>) {
  const gateway = await startTestGateway(settings);
  const secret = await gateway.createClientKey();
  const post = async (path: string, body: object) => {
    const headers = { authorization: `Bearer ${secret}`, 'content-type': 'application/json' };
    const response = await fetch(gateway.url + path, { method: 'POST', headers, body: JSON.stringify(body) });
    // biome-ignore lint/suspicious/noExplicitAny: tests look into answers freely.
    const answer: any = await response.json();
    return {
      status: response.status,
      ignored: response.headers.get('x-ignored-params'),
      body: answer,
    };
  };
  return { ...gateway, post };
}

test('a field without effect is told, and refused where the operator is strict', async () => {
  const body = { model, messages, frobnicate: 1, user: 'u' };
  const lenient = await start({});
  expect(await lenient.post('/v1/chat/completions', body)).toMatchObject({ status: 200, ignored: 'frobnicate' });

  const { post, gemini, graphql } = await start({ STRICT_PARAMS: 'true' });
  expect(await post('/v1/chat/completions', body)).toMatchObject({
    status: 400,
    body: { error: { type: 'invalid_request_error', code: 'unknown_parameter', param: 'frobnicate' } },
  });
  expect((await post('/v1/chat/completions', { ...body, stream: true })).status).toBe(400);
  expect(await post('/v1/messages', { ...body, max_tokens: 5 })).toMatchObject({
    status: 400,
    body: { type: 'error', error: { type: 'invalid_request_error' } },
  });
  expect((await post('/v1/responses', { model, input: 'Hello?', frobnicate: 1 })).body.error.param).toBe('frobnicate');
  expect(gemini.generations()).toEqual([]);
  const { requests } = await graphql('{ requests(first: 1) { nodes { outcome httpStatus error { code } } } }');
  expect(requests.nodes).toEqual([{ outcome: 'REJECTED', httpStatus: 400, error: { code: 'unknown_parameter' } }]);
  expect((await post('/v1/chat/completions', { model, messages, user: 'u' })).status).toBe(200);
});
