import { expect, test } from 'vitest';
import { startTestGateway, withoutPauses } from '../support/gateway.ts';

const tuned = 'tunedModels/my-model';
const messages = [{ role: 'user', content: 'Hello?' }];
const contents = [{ role: 'user', parts: [{ text: 'Hello?' }] }];

/** Calls of one client; tells the path of the one call that went upstream and its body. */
async function start() {
  const { url, gemini, createClientKey } = await startTestGateway({}, withoutPauses);
  const secret = await createClientKey();
  return async (path: string, body: object) => {
    const before = gemini.generations().length;
    const headers = { authorization: `Bearer ${secret}`, 'content-type': 'application/json' };
    const response = await fetch(url + path, { method: 'POST', headers, body: JSON.stringify(body) });
    await response.text();
    const [call, ...others] = gemini.generations().slice(before);
    return { status: response.status, path: call?.path, body: call?.body, others };
  };
}

test('a tuned model answers in every format, under its own name upstream', async () => {
  const post = await start();
  const cases: [path: string, body: object, action: string][] = [
    ['/v1/chat/completions', { model: tuned, messages }, 'generateContent'],
    ['/v1/chat/completions', { model: tuned, messages, stream: true }, 'streamGenerateContent?alt=sse'],
    ['/v1/responses', { model: `models/${tuned}`, input: 'Hello?' }, 'generateContent'],
    ['/v1/responses', { model: tuned, input: 'Hello?', stream: true }, 'streamGenerateContent?alt=sse'],
    ['/v1/messages', { model: tuned, messages, max_tokens: 9 }, 'generateContent'],
    ['/v1/messages', { model: tuned, messages, max_tokens: 9, stream: true }, 'streamGenerateContent?alt=sse'],
    ['/v1/completions', { model: tuned, prompt: 'Hello?' }, 'generateContent'],
    [`/v1beta/${tuned}:generateContent`, { contents }, 'generateContent'],
    [`/v1beta/${tuned}:streamGenerateContent?alt=sse`, { contents }, 'streamGenerateContent?alt=sse'],
  ];
  for (const [path, body, action] of cases)
    expect(await post(path, body)).toMatchObject({ status: 200, path: `/v1beta/${tuned}:${action}`, others: [] });
  const native = await post(`/v1/${tuned}:generateContent`, { contents });
  expect(native).toMatchObject({ status: 200, path: `/v1/${tuned}:generateContent` });
});

test('a count and a batch name the tuned model in the body as well', async () => {
  const post = await start();
  const count = await post('/v1/messages/count_tokens', { model: tuned, messages });
  expect(count.path).toBe(`/v1beta/${tuned}:countTokens`);
  expect(count.body.generateContentRequest.model).toBe(tuned);
  const batch = await post('/v1/embeddings', { model: tuned, input: ['a', 'b'] });
  expect(batch.path).toBe(`/v1beta/${tuned}:batchEmbedContents`);
  expect(batch.body.requests.map(({ model }: { model: string }) => model)).toEqual([tuned, tuned]);
});

test('an id is called in lower case, however the client wrote it', async () => {
  const post = await start();
  const path = '/v1beta/models/gemini-3.8-flash:generateContent';
  expect(await post('/v1/chat/completions', { model: 'Gemini-3.8-Flash', messages })).toMatchObject({ path });
  expect(await post('/v1beta/models/Gemini-3.8-Flash:generateContent', { contents })).toMatchObject({ path });
});
