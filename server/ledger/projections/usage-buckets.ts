import { defineEntity, p } from '@mikro-orm/core';
import type { Connection } from '../../database.ts';
import type { RecordedEvent, TokenUsage } from '../events.ts';
import type { Projection } from './projection.ts';

/** Sums by hour × client key × upstream key × model. A request counts once, when it ended, in the hour in which it was accepted. */
const UsageBucketSchema = defineEntity({
  name: 'UsageBucket',
  tableName: 'usage_bucket',
  properties: {
    hour: p.integer().primary(),
    clientKeyId: p.string().primary(),
    upstreamKeyId: p.string().primary(),
    model: p.string().primary(),
    requests: p.integer(),
    succeeded: p.integer(),
    failed: p.integer(),
    cancelled: p.integer(),
    rejected: p.integer(),
    inputTokens: p.integer(),
    cachedInputTokens: p.integer(),
    outputTokens: p.integer(),
    reasoningTokens: p.integer(),
    totalTokens: p.integer(),
    estimatedRequests: p.integer(),
    lastUsedAt: p.integer(),
  },
});
export class UsageBucket extends UsageBucketSchema.class {}
UsageBucketSchema.setClass(UsageBucket);

const hourMs = 3_600_000;
const noUsage: TokenUsage = {
  inputTokens: 0,
  cachedInputTokens: 0,
  outputTokens: 0,
  reasoningTokens: 0,
  totalTokens: 0,
};

type Outcome = 'succeeded' | 'failed' | 'cancelled' | 'rejected';
interface Contribution {
  startedAt: number;
  clientKeyId: string;
  upstreamKeyId: string;
  model: string;
  outcome: Outcome;
  usage: TokenUsage;
  isEstimated: boolean;
}
/** The counters of one bucket, in the order of the upsert's parameters. */
interface Sums extends TokenUsage {
  requests: number;
  succeeded: number;
  failed: number;
  cancelled: number;
  rejected: number;
  estimatedRequests: number;
  lastUsedAt: number;
}

/** Keeps `usage_bucket` in step. Runs after `request`, whose row tells where an ending request belongs. */
export function usageBucketsProjection(connection: Connection): Projection {
  const findOrigin = connection.prepare<[string], { startedAt: number; clientKeyId: string; model: string }>(
    `select started_at as startedAt, client_key_id as clientKeyId, requested_model as model from request where request_id = ?`,
  );
  const upsert = connection.prepare(
    `insert into usage_bucket values (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
     on conflict do update set
       requests = requests + excluded.requests, succeeded = succeeded + excluded.succeeded, failed = failed + excluded.failed,
       cancelled = cancelled + excluded.cancelled, rejected = rejected + excluded.rejected,
       input_tokens = input_tokens + excluded.input_tokens,
       cached_input_tokens = cached_input_tokens + excluded.cached_input_tokens,
       output_tokens = output_tokens + excluded.output_tokens,
       reasoning_tokens = reasoning_tokens + excluded.reasoning_tokens,
       total_tokens = total_tokens + excluded.total_tokens,
       estimated_requests = estimated_requests + excluded.estimated_requests,
       last_used_at = max(last_used_at, excluded.last_used_at)`,
  );

  function contributionOf({ body, occurredAt }: RecordedEvent): Contribution | undefined {
    switch (body.type) {
      case 'RequestRejected': {
        const { clientKeyId, requestedModel: model } = body;
        return {
          startedAt: occurredAt,
          clientKeyId,
          upstreamKeyId: '',
          model,
          outcome: 'rejected',
          usage: noUsage,
          isEstimated: false,
        };
      }
      case 'RequestCompleted':
      case 'RequestFailed':
      case 'RequestAborted': {
        const origin = findOrigin.get(body.requestId);
        if (!origin) throw new Error(`${body.type} of ${body.requestId}, which was never accepted`);
        const { upstreamKeyId, usage, usageSource } = body;
        return { ...origin, upstreamKeyId, outcome: outcomeOf(body), usage, isEstimated: usageSource !== 'upstream' };
      }
      default:
        return undefined;
    }
  }

  return {
    name: 'usage_bucket',
    evolve(events) {
      // One upsert per bucket and batch: under load most requests of a batch share a bucket.
      const buckets = new Map<string, { key: [number, string, string, string]; sums: Sums }>();
      for (const event of events) {
        const contribution = contributionOf(event);
        if (!contribution) continue;
        const { startedAt, clientKeyId, upstreamKeyId, model } = contribution;
        const key: [number, string, string, string] = [
          startedAt - (startedAt % hourMs),
          clientKeyId,
          upstreamKeyId,
          model,
        ];
        const name = key.join('\n');
        const bucket = buckets.get(name) ?? { key, sums: emptySums() };
        add(bucket.sums, contribution);
        buckets.set(name, bucket);
      }
      for (const { key, sums } of buckets.values()) upsert.run(...key, ...Object.values(sums));
    },
  };
}

function emptySums(): Sums {
  const counters = { requests: 0, succeeded: 0, failed: 0, cancelled: 0, rejected: 0 };
  return { ...counters, ...noUsage, estimatedRequests: 0, lastUsedAt: 0 };
}

function add(sums: Sums, { outcome, usage, isEstimated, startedAt }: Contribution): void {
  sums.requests++;
  sums[outcome]++;
  sums.inputTokens += usage.inputTokens;
  sums.cachedInputTokens += usage.cachedInputTokens;
  sums.outputTokens += usage.outputTokens;
  sums.reasoningTokens += usage.reasoningTokens;
  sums.totalTokens += usage.totalTokens;
  sums.estimatedRequests += isEstimated ? 1 : 0;
  sums.lastUsedAt = Math.max(sums.lastUsedAt, startedAt);
}

function outcomeOf(body: { type: string; by?: string }): Outcome {
  if (body.type === 'RequestCompleted') return 'succeeded';
  return body.type === 'RequestAborted' && body.by === 'client' ? 'cancelled' : 'failed';
}

/** Sums over a range, as the API tells them. */
export type UsageTotals = Omit<Sums, 'lastUsedAt'>;

/** Sums of the requests that were accepted in whole hours from `fromMs` up to `toMs`. Those still running count as requests. */
export function readUsageTotals(connection: Connection, fromMs: number, toMs: number): UsageTotals {
  const firstHour = fromMs - (fromMs % hourMs);
  const columns = Object.entries(totalColumns).map(([name, column]) => `coalesce(sum(${column}), 0) as ${name}`);
  const totals = connection
    .prepare(`select ${columns.join(', ')} from usage_bucket where hour >= ? and hour < ?`)
    .get(firstHour, toMs) as UsageTotals;
  const open = connection
    .prepare(`select count(*) from request where outcome = 'IN_PROGRESS' and started_at >= ? and started_at < ?`)
    .pluck()
    .get(firstHour, toMs) as number;
  return { ...totals, requests: totals.requests + open };
}

const totalColumns: Record<keyof UsageTotals, string> = {
  requests: 'requests',
  succeeded: 'succeeded',
  failed: 'failed',
  cancelled: 'cancelled',
  rejected: 'rejected',
  inputTokens: 'input_tokens',
  cachedInputTokens: 'cached_input_tokens',
  outputTokens: 'output_tokens',
  reasoningTokens: 'reasoning_tokens',
  totalTokens: 'total_tokens',
  estimatedRequests: 'estimated_requests',
};
