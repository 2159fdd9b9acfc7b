import type { Connection } from '../database.ts';

/** A request that has ended, as far as its price goes. */
export interface StandingRequest {
  requestId: string;
  startedAt: number;
  clientKeyId: string;
  upstreamKeyId: string;
  requestedModel: string;
  model: string;
  servedModel: string | null;
  serviceTier: string | null;
  format: string;
  outcome: 'SUCCEEDED' | 'FAILED' | 'CANCELLED';
  inputTokens: number;
  cachedInputTokens: number;
  outputTokens: number;
  reasoningTokens: number;
  totalTokens: number;
  /** JSON; null for text alone. */
  modalities: string | null;
  /** As text: it may be more than a number holds exactly. */
  costPico: string;
  priceId: string | null;
  unpricedCalls: number;
}

/** The requests of a model, as it was called or as it answered, that began in a range (ms since 1970) and used tokens. */
export function standingRequests(
  connection: Connection,
  { model, from, to }: { model: string; from: number; to: number },
): StandingRequest[] {
  return connection
    .prepare<[number, number, string, string], StandingRequest>(
      `select request_id as requestId, started_at as startedAt, client_key_id as clientKeyId,
         coalesce(upstream_key_id, '') as upstreamKeyId, requested_model as requestedModel, model,
         served_model as servedModel, service_tier as serviceTier, format, outcome, input_tokens as inputTokens,
         cached_input_tokens as cachedInputTokens, output_tokens as outputTokens, reasoning_tokens as reasoningTokens,
         total_tokens as totalTokens, modalities, cast(cost_pico as text) as costPico, price_id as priceId,
         unpriced_calls as unpricedCalls
       from request where started_at >= ? and started_at < ? and (model = ? or served_model = ?)
         and outcome in ('SUCCEEDED', 'FAILED', 'CANCELLED') and total_tokens > 0
       order by accepted_position`,
    )
    .all(from, to, model, model);
}
