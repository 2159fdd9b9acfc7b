import { connectionOf, type Orm } from '../database.ts';
import type { Charge } from '../ledger/events.ts';
import type { PriceBook } from './price-book.ts';

interface Orphan {
  requestId: string;
  model: string;
  startedAt: number;
  /** Null in old events. */
  promptTokens: number | null;
}

/** What the prompts of the requests cost that a crash left open, by request: they are closed with that when nothing more is known. */
export async function chargeOrphans(orm: Orm, prices: Pick<PriceBook, 'charge'>): Promise<Record<string, Charge>> {
  const orphans = (await connectionOf(orm))
    .prepare<[], Orphan>(
      `select request.request_id as requestId, model, started_at as startedAt, body ->> '$.promptTokens' as promptTokens
       from request join usage_event on position = accepted_position where outcome = 'IN_PROGRESS'`,
    )
    .all();
  const charges: Record<string, Charge> = {};
  for (const { requestId, model, startedAt, promptTokens } of orphans) {
    const tokens = promptTokens ?? 0;
    const usage = {
      inputTokens: tokens,
      cachedInputTokens: 0,
      outputTokens: 0,
      reasoningTokens: 0,
      totalTokens: tokens,
    };
    const charge = prices.charge({ servedModel: null, model, usage, startedAt });
    if (charge) charges[requestId] = charge;
  }
  return charges;
}
