import Router from '@koa/router';
import type { Clients } from '../clients/clients.ts';
import { ApiError } from '../formats/api-error.ts';
import { authenticate } from './authenticate.ts';

/** What one-api answers for a key without a limit; clients show the difference to what was used. */
const noLimitUsd = 100_000_000;

/**
 * OpenAI's retired billing endpoints, which chat applications for one-api and its like still ask: what a client key may spend and has spent.
 * Client keys have no limit, which can be told; what they cost cannot, as no prices are known, and zero would be a lie.
 */
export function billingRoutes(clients: Pick<Clients, 'find'>): Router {
  const router = new Router({ prefix: '/v1/dashboard/billing' });
  const known = authenticate(clients);
  router.get('/subscription', known, (ctx) => {
    ctx.body = {
      object: 'billing_subscription',
      has_payment_method: true,
      soft_limit_usd: noLimitUsd,
      hard_limit_usd: noLimitUsd,
      system_hard_limit_usd: noLimitUsd,
      access_until: 0,
    };
  });
  router.get('/usage', known, () => {
    const message =
      'What this client key has cost is not known: the gateway has no prices. Its tokens are in the dashboard.';
    throw new ApiError(404, 'cost_unknown', message, { shouldRetry: false });
  });
  return router;
}
