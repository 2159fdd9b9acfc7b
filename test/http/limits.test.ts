import OpenAI from 'openai';
import { describe, expect, test } from 'vitest';
import { startTestGateway } from '../support/gateway.ts';
import { readEvents } from '../support/ledger.ts';
import { googleError, text } from '../support/simulated-gemini.ts';

const model = 'gemini-3.8-flash';
const messages = [{ role: 'user' as const, content: 'Hello' }];

/** A gateway with a client key that has these terms, and the official client with it. */
async function startLimited(terms: object, settings: Record<string, string> = {}) {
  const gateway = await startTestGateway(settings);
  await gateway.signIn();
  const { graphql, url } = gateway;
  const { clientKeyCreate: made } = await graphql(
    `mutation ($input: ClientKeyCreateInput!) { clientKeyCreate(input: $input) {
      ... on ClientKeyCreateSuccess { secret clientKey { id } } ... on Error { message } } }`,
    { input: { name: 'limited', ...terms } },
  );
  const { secret, clientKey } = made;
  const client = new OpenAI({ baseURL: `${url}/v1`, apiKey: secret, maxRetries: 0 });
  const ask = (more: object = {}) =>
    client.chat.completions.create({ model, messages, max_tokens: 10, ...more } as never).withResponse();
  const post = (headers: Record<string, string> = {}) =>
    fetch(`${url}/v1/chat/completions`, {
      method: 'POST',
      headers: { authorization: `Bearer ${secret}`, 'content-type': 'application/json', ...headers },
      body: JSON.stringify({ model, messages, max_tokens: 10 }),
    });
  const budgets = async () => {
    const { clientKeys } = await graphql(
      '{ clientKeys { nodes { budgets { unit limit used reserved overrun resetsAt } } } }',
    );
    return clientKeys.nodes[0].budgets;
  };
  return { ...gateway, client, ask, post, budgets, clientKeyId: clientKey.id as string };
}

describe('a client key with rates', () => {
  test('is told on every answer what is left, and refused with the true wait', async () => {
    const { ask, post } = await startLimited({ limits: { requestsPerMinute: 2, tokensPerMinute: 100_000 } });
    const { response } = await ask();
    expect(response.headers.get('x-ratelimit-limit-requests')).toBe('2');
    expect(response.headers.get('x-ratelimit-remaining-requests')).toBe('1');
    expect(response.headers.get('x-ratelimit-reset-requests')).toMatch(/^1m\ds$/);
    expect(Number(response.headers.get('x-ratelimit-remaining-tokens'))).toBeLessThan(100_000);
    await ask();
    const refused = await post();
    expect(refused.status).toBe(429);
    const { error } = await refused.json();
    expect(error).toMatchObject({ code: 'rate_limit_exceeded', type: 'rate_limit_error' });
    expect(Number(refused.headers.get('retry-after'))).toBeGreaterThan(55);
    expect(refused.headers.get('x-ratelimit-remaining-requests')).toBe('0');
  });

  test('has them still after a restart', async () => {
    const { ask, restart } = await startLimited({ limits: { requestsPerMinute: 1 } });
    await ask();
    await restart();
    await expect(ask()).rejects.toMatchObject({ status: 429, code: 'rate_limit_exceeded' });
  });

  test('may have so many requests at the same time', async () => {
    const { ask, gemini } = await startLimited({ limits: { concurrentRequests: 1 } });
    const reached = Promise.withResolvers<void>();
    const released = Promise.withResolvers<void>();
    gemini.answerWith(() => ({
      async write(response) {
        reached.resolve();
        await released.promise;
        response.setHeader('content-type', 'application/json').end(JSON.stringify(text('Hello')));
      },
    }));
    const first = ask();
    await reached.promise;
    await expect(ask()).rejects.toMatchObject({ status: 429, code: 'rate_limit_exceeded' });
    released.resolve();
    await first;
    await ask();
  });
});

describe('a client key with a budget', () => {
  test('spends what Google counted, and is refused when it is spent', async () => {
    const budget = { unit: 'REQUESTS', limit: '2', period: 'DAY', timeZone: 'Asia/Shanghai' };
    const { ask, budgets, restart } = await startLimited({ budgets: [budget] });
    await ask();
    await restart();
    await ask();
    await expect(ask()).rejects.toMatchObject({ status: 429, code: 'insufficient_quota', type: 'insufficient_quota' });
    expect(await budgets()).toMatchObject([{ unit: 'REQUESTS', limit: '2', used: '2', reserved: '0', overrun: '0' }]);
  });

  test('of tokens or dollars is settled to the token and the picodollar, whatever way a request ends', async () => {
    const { ask, budgets, folder, gemini, verifyLedger } = await startLimited({
      budgets: [
        { unit: 'TOKENS', limit: '1000000', period: 'MONTH' },
        { unit: 'USD', limit: '5', period: 'WEEK' },
      ],
    });
    await ask();
    await ask({ stream: true }).then(async ({ data }) => {
      for await (const _chunk of data as unknown as AsyncIterable<unknown>);
    });
    gemini.answerWith(() => googleError(400, 'INVALID_ARGUMENT', 'no'));
    await expect(ask()).rejects.toMatchObject({ status: 400 });
    const events = await readEvents(folder);
    const tokens = events.reduce((sum, event) => sum + (('usage' in event && event.usage?.totalTokens) || 0), 0);
    const pico = events.reduce((sum, event) => sum + BigInt(('charge' in event && event.charge?.costPico) || 0), 0n);
    const [byTokens, byUsd] = await budgets();
    expect(byTokens).toMatchObject({ used: String(tokens), reserved: '0' });
    expect(byUsd).toMatchObject({ reserved: '0' });
    expect(Math.round(Number(byUsd.used) * 1e12)).toBe(Number(pico));
    expect(pico).toBeGreaterThan(0n);
    expect((await verifyLedger()).problem).toBeNull();
  });

  test('that is strict holds the answer to what is left of it', async () => {
    const { ask, gemini } = await startLimited({ budgets: [{ unit: 'TOKENS', limit: '3000', period: 'LIFETIME' }] });
    await ask({ max_tokens: 8000 });
    const [sent] = gemini.generations();
    const { maxOutputTokens } = sent?.body.generationConfig ?? {};
    expect(maxOutputTokens).toBeGreaterThan(1024);
    expect(maxOutputTokens).toBeLessThan(3000);
  });

  test('gives back what was reserved when no key was free', async () => {
    const budget = { unit: 'TOKENS', limit: '100000', period: 'DAY' };
    const { ask, budgets } = await startLimited({ budgets: [budget] }, { GEMINI_API_KEYS: '' });
    await expect(ask()).rejects.toMatchObject({ status: 503 });
    expect(await budgets()).toMatchObject([{ used: '0', reserved: '0' }]);
  });

  test('goes on with what was used when its limit is changed', async () => {
    const budget = { unit: 'REQUESTS', limit: '1', period: 'DAY' };
    const { ask, graphql, clientKeyId, budgets } = await startLimited({ budgets: [budget] });
    await ask();
    await expect(ask()).rejects.toMatchObject({ code: 'insufficient_quota' });
    const input = { id: clientKeyId, budgets: [{ ...budget, limit: '2' }] };
    await graphql(`mutation ($input: ClientKeyUpdateInput!) { clientKeyUpdate(input: $input) { __typename } }`, {
      input,
    });
    await ask();
    expect(await budgets()).toMatchObject([{ limit: '2', used: '2' }]);
  });
});

describe('a client key that is held to', () => {
  test('addresses is refused from others', async () => {
    const { post } = await startLimited({ allowedAddresses: ['10.0.0.0/8'] }, { TRUSTED_PROXIES: '1' });
    expect((await post({ 'x-forwarded-for': '10.1.2.3' })).status).toBe(200);
    const refused = await post({ 'x-forwarded-for': '192.0.2.1' });
    expect([refused.status, (await refused.json()).error.code]).toEqual([403, 'permission_denied']);
  });

  test('origins is refused for the pages of others, not for programs', async () => {
    const { post } = await startLimited({ allowedOrigins: ['https://chat.example'] });
    expect((await post({ origin: 'https://chat.example' })).status).toBe(200);
    expect((await post({ origin: 'https://evil.example' })).status).toBe(403);
    expect((await post()).status).toBe(200);
  });

  test('a time is refused after it', async () => {
    const { post } = await startLimited({ expiresAt: '2026-01-01T00:00:00Z' });
    const refused = await post();
    expect(refused.status).toBe(401);
    expect((await refused.json()).error.message).toBe('This client key expired at 2026-01-01T00:00:00.000Z.');
  });
});

describe('terms that cannot be', () => {
  const budget = { unit: 'TOKENS', limit: '5', period: 'DAY' };
  test.each([
    ['a budget of nothing', { budgets: [{ ...budget, limit: '0' }] }, 'above 0'],
    ['a budget below nothing', { budgets: [{ ...budget, limit: '-5' }] }, 'above 0'],
    ['half a request', { budgets: [{ ...budget, unit: 'REQUESTS', limit: '0.5' }] }, 'whole number'],
    ['too many decimals', { budgets: [{ ...budget, unit: 'USD', limit: '0.0000000000001' }] }, 'up to 12 decimals'],
    ['a time zone that does not exist', { budgets: [{ ...budget, timeZone: 'Mars/Base' }] }, 'no time zone Mars/Base'],
    ['the same budget twice', { budgets: [budget, { ...budget, limit: '6' }] }, 'count the same'],
    ['a range that is none', { allowedAddresses: ['10.0.0.0/33'] }, 'CIDR'],
    ['an origin with a path', { allowedOrigins: ['https://a.example/x'] }, 'origins'],
    ['a rate of nothing', { limits: { requestsPerMinute: 0 } }, 'from 1'],
  ])('are refused: %s', async (_name, terms, message) => {
    const gateway = await startTestGateway();
    await gateway.signIn();
    const { clientKeyCreate } = await gateway.graphql(
      `mutation ($input: ClientKeyCreateInput!) { clientKeyCreate(input: $input) { ... on Error { code message } } }`,
      { input: { name: 'x', ...terms } },
    );
    expect(clientKeyCreate).toMatchObject({ code: 'invalid_input', message: expect.stringContaining(message) });
  });
});
