import { expect, test } from 'vitest';
import { startTestGateway } from '../support/gateway.ts';

const chat = (url: string, secret: string, model: string) =>
  fetch(`${url}/v1/chat/completions`, {
    method: 'POST',
    headers: { authorization: `Bearer ${secret}`, 'content-type': 'application/json' },
    body: JSON.stringify({ model, messages: [{ role: 'user', content: 'Hello' }] }),
  });

test('what a client key may spend and has spent is told where old chat applications ask', async () => {
  const { url, createClientKey, graphql, gemini } = await startTestGateway();
  const secret = await createClientKey();
  const headers = { authorization: `Bearer ${secret}` };
  for (const base of [url, `${url}/v1`]) {
    const subscription = await fetch(`${base}/dashboard/billing/subscription`, { headers });
    expect(await subscription.json()).toMatchObject({ object: 'billing_subscription', hard_limit_usd: 100_000_000 });
    const usage = await fetch(`${base}/dashboard/billing/usage?start_date=2026-11-01&end_date=2099-11-30`, { headers });
    expect(await usage.json()).toEqual({ object: 'list', total_usage: 0 });
    expect((await fetch(`${base}/dashboard/billing/usage`)).status).toBe(401);
    expect((await fetch(`${base}/dashboard/billing/usage?end_date=soon`, { headers })).status).toBe(400);
  }

  const modelVersion = 'gemini-9-unpriced';
  const usageMetadata = { promptTokenCount: 7, candidatesTokenCount: 3, totalTokenCount: 10 };
  const candidates = [{ content: { parts: [{ text: 'Hi' }] }, finishReason: 'STOP' }];
  gemini.answerWith(() => ({ json: { candidates, usageMetadata, modelVersion } }));
  await chat(url, secret, modelVersion);
  const unknown = await fetch(`${url}/dashboard/billing/usage`, { headers });
  expect([unknown.status, (await unknown.json()).error.code]).toEqual([404, 'cost_unknown']);

  gemini.answerWith(() => ({ json: { candidates, usageMetadata, modelVersion: 'gemini-3.8-flash' } }));
  await chat(url, secret, 'gemini-3.8-flash');
  const { total_usage: cents } = await (await fetch(`${url}/dashboard/billing/usage`, { headers })).json();
  // 7 x $0.75 and 3 x $3.75 per million.
  expect(cents).toBeCloseTo(100 * ((7 * 0.75 + 3 * 3.75) / 1e6), 4);

  const { clientKeys } = await graphql('{ clientKeys { nodes { id } } }');
  const budgets = [{ unit: 'USD', limit: '12.5', period: 'MONTH' }];
  await graphql(`mutation ($input: ClientKeyUpdateInput!) { clientKeyUpdate(input: $input) { __typename } }`, {
    input: { id: clientKeys.nodes[0].id, budgets, expiresAt: '2099-01-01T00:00:00Z' },
  });
  const limited = await (await fetch(`${url}/dashboard/billing/subscription`, { headers })).json();
  expect(limited).toMatchObject({ hard_limit_usd: 12.5, access_until: Date.parse('2099-01-01T00:00:00Z') / 1000 });
});
