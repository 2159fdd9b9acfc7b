import { expect, test } from 'vitest';
import { startTestGateway } from '../support/gateway.ts';
import { exhausted } from '../support/gemini-failures.ts';
import { frame, text } from '../support/simulated-gemini.ts';

const oneKey = { GEMINI_API_KEYS: 'AIzaOnly-0123456789', POOL_WAIT_SECONDS: '20' };
const body = { model: 'gemini-3.8-flash', messages: [{ role: 'user', content: 'x' }] };

/** A gateway of which the only key has just met a quota. */
async function startExhausted(
  exhaustion: Parameters<typeof exhausted>[0],
  settings: Record<string, string> = {},
  heartbeatSeconds = 10,
) {
  const gateway = await startTestGateway({ ...oneKey, ...settings }, { config: { heartbeatSeconds } });
  const secret = await gateway.createClientKey();
  const post = (more: object = {}, signal?: AbortSignal) =>
    fetch(`${gateway.url}/v1/chat/completions`, {
      method: 'POST',
      headers: { authorization: `Bearer ${secret}` },
      body: JSON.stringify({ ...body, ...more }),
      ...(signal && { signal }),
    });
  const refusal = exhausted(exhaustion);
  gateway.gemini.answerWith(() => ({ json: refusal, status: 429 }));
  /** Until so many requests wait. */
  const waiting = (count: number) => expect.poll(() => gateway.app.waitingCalls(), { interval: 2 }).toBe(count);
  const addKey = () =>
    gateway.graphql(
      `mutation { upstreamKeyImport(input: {keys: ["AIzaAnother-0123456789"]}) { ... on JobStartSuccess { job { id } } } }`,
    );
  const answer = () => gateway.gemini.answerWith(() => null);
  return { ...gateway, post, waiting, addKey, answer };
}

test('a request waits for a key that will be free in time', async () => {
  const { post, gemini } = await startExhausted({ retryAfterSeconds: 1 });
  gemini.answerWith(() =>
    gemini.generations().length === 1 ? { json: exhausted({ retryAfterSeconds: 1 }), status: 429 } : null,
  );
  const response = await post();
  expect(response.status).toBe(200);
  expect(gemini.generations()).toHaveLength(2);
});

test('whoever waits is served as soon as a key joins the pool', async () => {
  const { post, waiting, addKey, answer } = await startExhausted({ retryAfterSeconds: 15 });
  const waited = [post(), post(), post()];
  await waiting(3);
  answer();
  await addKey();
  expect((await Promise.all(waited)).map(({ status }) => status)).toEqual([200, 200, 200]);
  await waiting(0);
});

test('a stream that waits is kept alive, and then answered', async () => {
  const { post, waiting, addKey, gemini } = await startExhausted({ retryAfterSeconds: 15 }, {}, 0.02);
  const response = await post({ stream: true });
  await waiting(1);
  gemini.answerWith(() => ({ frames: [frame('Hel'), text('lo')] }));
  await addKey();
  const stream = await response.text();
  expect(response.status).toBe(200);
  expect(stream).toMatch(/^(?:: keep-alive\n\n)+data: \{.*"role":"assistant".*data: \[DONE\]\n\n$/s);
});

test('who leaves while waiting costs nothing, and is in the ledger no more than the refusal of the key', async () => {
  const { post, waiting, gemini, graphql } = await startExhausted({ retryAfterSeconds: 15 });
  // The first one finds the limit, the second waits without having been called.
  const [first, second] = [new AbortController(), new AbortController()];
  const left = [post({}, first.signal).catch(() => 'left')];
  await waiting(1);
  left.push(post({}, second.signal).catch(() => 'left'));
  await waiting(2);
  first.abort();
  second.abort();
  expect(await Promise.all(left)).toEqual(['left', 'left']);
  await waiting(0);
  expect(gemini.generations()).toHaveLength(1);
  const requests = () => graphql('{ requests { nodes { outcome } } }').then((data) => data.requests.nodes);
  await expect.poll(requests).toEqual([{ outcome: 'CANCELLED' }]);
});

test.each([
  ['it would take longer than a client waits', { retryAfterSeconds: 30 }, {}, 'rate_limit_exceeded', null],
  ['waiting is switched off', { retryAfterSeconds: 15 }, { POOL_WAIT_SECONDS: '0' }, 'rate_limit_exceeded', null],
  ['the day is spent', { per: 'day' as const }, {}, 'insufficient_quota', 'false'],
])('is refused at once, with the true time to wait, when %s', async (_why, exhaustion, settings, code, shouldRetry) => {
  const { post, gemini } = await startExhausted(exhaustion, settings);
  const refused = await post();
  expect(refused.status).toBe(429);
  expect(await refused.json()).toMatchObject({ error: { code } });
  expect(refused.headers.get('x-should-retry')).toBe(shouldRetry);
  expect(Number(refused.headers.get('retry-after'))).toBeGreaterThanOrEqual(15);
  // The second is told the same without a call.
  expect((await post()).status).toBe(429);
  expect(gemini.generations()).toHaveLength(1);
});

test('who waits when the gateway is stopped is told so, in a stream too', async () => {
  const { post, waiting, app } = await startExhausted({ retryAfterSeconds: 15 }, {}, 0.02);
  const stream = await post({ stream: true });
  await waiting(1);
  const whole = post();
  await waiting(2);
  app.abortCalls();
  expect(await stream.text()).toContain('shutting_down');
  expect((await whole).status).toBe(503);
});

test('a key that is known to be at its limit is not called: the limit was learned from one refusal', async () => {
  const { post, gemini } = await startExhausted({ retryAfterSeconds: 1, limit: 3 }, { POOL_WAIT_SECONDS: '0' });
  await post();
  gemini.answerWith(() => null);
  const statuses: number[] = [];
  await expect.poll(async () => (await post()).status, { interval: 50, timeout: 5000 }).toBe(200);
  for (let count = 0; count < 4; count++) statuses.push((await post()).status);
  expect(statuses).toEqual([200, 200, 429, 429]);
  // One refusal, three answers; what came before the rest's end was not called.
  expect(gemini.generations()).toHaveLength(4);
});
