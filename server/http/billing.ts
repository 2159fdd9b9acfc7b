import Router from '@koa/router';
import type { Context, Middleware } from 'koa';
import type { Client } from '../clients/clients.ts';
import { ApiError } from '../formats/api-error.ts';

interface BillingParts {
  /** What a client key has cost in a range (ms since 1970), in dollars; null when no price was known for any of it. */
  costOfClient(clientKeyId: string, fromMs: number, toMs: number): Promise<number | null>;
}

/** What one-api answers for a key without a limit; clients show the difference to what was used. */
const noLimitUsd = 100_000_000;
const picoPerMicro = 1_000_000n;
const centsPerDollar = 100;
const dayMs = 86_400_000;

/**
 * OpenAI's retired billing endpoints, which chat applications for one-api and its like still ask: what a client key may spend and has spent.
 */
export function billingRoutes(known: Middleware, { costOfClient }: BillingParts): Router {
  const router = new Router({ prefix: '/v1/dashboard/billing' });
  router.get('/subscription', known, (ctx) => {
    const { terms } = ctx.state.client as Client;
    const limits = terms.budgets.filter(({ unit, model }) => unit === 'USD' && model === null);
    const limitUsd = Math.min(noLimitUsd, ...limits.map(({ limit }) => Number(BigInt(limit) / picoPerMicro) / 1e6));
    ctx.body = {
      object: 'billing_subscription',
      has_payment_method: true,
      soft_limit_usd: limitUsd,
      hard_limit_usd: limitUsd,
      system_hard_limit_usd: limitUsd,
      access_until: terms.expiresAt === null ? 0 : Math.floor(terms.expiresAt / 1000),
    };
  });
  router.get('/usage', known, async (ctx) => {
    const cost = await costOfClient(ctx.state.client.id, dayOf(ctx, 'start_date') ?? 0, endOf(ctx));
    if (cost === null) {
      const message = 'What this client key has cost is not known: its models have no price.';
      throw new ApiError(404, 'cost_unknown', message, { shouldRetry: false });
    }
    ctx.body = { object: 'list', total_usage: cost * centsPerDollar };
  });
  return router;
}

/** The last day counts whole. */
function endOf(ctx: Context): number {
  const last = dayOf(ctx, 'end_date');
  return (last ?? Date.now()) + dayMs;
}

function dayOf(ctx: Context, name: string): number | null {
  const text = ctx.query[name];
  if (text === undefined) return null;
  const at = Date.parse(String(text));
  if (Number.isNaN(at)) throw new ApiError(400, 'invalid_value', `\`${name}\` takes a day such as 2026-11-26.`);
  return at;
}
