import { expect, test } from 'vitest';
import { startTestGateway } from '../support/gateway.ts';

test('what a client key may spend is told where old chat applications ask; what it has cost is not made up', async () => {
  const { url, createClientKey } = await startTestGateway();
  const headers = { authorization: `Bearer ${await createClientKey()}` };
  for (const base of [url, `${url}/v1`]) {
    const subscription = await fetch(`${base}/dashboard/billing/subscription`, { headers });
    expect(await subscription.json()).toMatchObject({ object: 'billing_subscription', hard_limit_usd: 100_000_000 });
    const usage = await fetch(`${base}/dashboard/billing/usage?start_date=2026-11-01&end_date=2026-11-30`, { headers });
    expect([usage.status, (await usage.json()).error.code]).toEqual([404, 'cost_unknown']);
    expect((await fetch(`${base}/dashboard/billing/usage`)).status).toBe(401);
  }
});
