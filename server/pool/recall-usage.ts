import { connectionOf, type Orm } from '../database.ts';
import { dayMs, hourMs } from '../ledger/calendar.ts';
import { nextPacificMidnight } from './pacific-midnight.ts';
import type { Pool } from './pool.ts';

interface Used {
  upstreamKeyId: string;
  model: string;
  /** Null for none. */
  requests: number | null;
  tokens: number;
}

/** Counts what the keys have served since the last midnight in California, so that a restart does not begin the day's quotas anew. */
export async function recallUsage({
  orm,
  pool,
  resolveModel,
  now,
}: {
  orm: Orm;
  pool: Pool;
  /** The id of the model that a client meant. */
  resolveModel(model: string): string;
  /** Wall clock, ms since 1970. */
  now(): number;
}): Promise<void> {
  const nowMs = now();
  const connection = await connectionOf(orm);
  // Also right where the day had 23 or 25 hours: it is cut by whole hours.
  const since = nextPacificMidnight(nextPacificMidnight(nowMs) - dayMs - dayMs / 12);
  const rows = connection
    .prepare<[number], Used>(
      `select upstream_key_id as upstreamKeyId, model, sum(requests) filter (where outcome = 'SUCCEEDED') as requests,
         sum(input_tokens) as tokens
       from usage_bucket where width_ms = ${hourMs} and start >= ? group by upstream_key_id, model`,
    )
    .all(since);
  for (const { upstreamKeyId, model, requests, tokens } of rows) {
    const key = pool.get(upstreamKeyId);
    if (key) pool.quotas.recall(key, resolveModel(model), { requests: requests ?? 0, tokens }, nowMs);
  }
}
