import { defineEntity, p } from '@mikro-orm/core';
import type { Connection } from '../../database.ts';
import { hourMs } from '../calendar.ts';
import type {
  RecordedEvent,
  RequestAborted,
  RequestAccepted,
  RequestCompleted,
  RequestFailed,
  TokenUsage,
} from '../events.ts';
import type { Projection } from './projection.ts';
import { outcomeOfAbort } from './requests.ts';

/**
 * Sums by hour × client key × upstream key × model. A request counts once, when it ended, in the hour in which it was accepted, for
 * its last upstream key ('' for none) and the model as the client wrote it. Tokens of a request with several upstream calls count for
 * the key of each.
 */
const UsageBucketSchema = defineEntity({
  name: 'UsageBucket',
  tableName: 'usage_bucket',
  properties: {
    /** Its first instant, ms since 1970. */
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
    /** Requests whose tokens Google did not tell to the end. */
    estimatedRequests: p.integer(),
    /** When the newest of its requests began. */
    lastUsedAt: p.integer(),
    clientSignatures: p.integer(),
    restoredSignatures: p.integer(),
    placeholderSignatures: p.integer(),
  },
});
export class UsageBucket extends UsageBucketSchema.class {}
UsageBucketSchema.setClass(UsageBucket);

type Outcome = 'succeeded' | 'failed' | 'cancelled' | 'rejected';
type BucketKey = [hour: number, clientKeyId: string, upstreamKeyId: string, model: string];

/** How the thought signatures of requests came, see `SignatureCounts`. */
interface SignatureSums {
  clientSignatures: number;
  restoredSignatures: number;
  placeholderSignatures: number;
}

/** What one request adds to its bucket. */
interface Contribution extends SignatureSums {
  startedAt: number;
  clientKeyId: string;
  upstreamKeyId: string;
  model: string;
  /** Null for a call that did not end its request. */
  outcome: Outcome | null;
  usage: TokenUsage;
  isEstimated: boolean;
}

/** Where an ending request belongs: told by its row, which `request` keeps. */
type Origin = Pick<Contribution, 'startedAt' | 'clientKeyId' | 'model'> & SignatureSums;

interface Sums extends TokenUsage, SignatureSums, Record<Outcome, number> {
  requests: number;
  estimatedRequests: number;
  lastUsedAt: number;
}

/** Keeps `usage_bucket` in step. Runs after `request`. */
export function usageBucketsProjection(connection: Connection): Projection {
  const findOrigin = connection.prepare<[string], Origin>(
    `select started_at as startedAt, client_key_id as clientKeyId, requested_model as model,
       client_signatures as clientSignatures, restored_signatures as restoredSignatures,
       placeholder_signatures as placeholderSignatures
     from request where request_id = ?`,
  );
  const addToBucket = prepareAdd(connection);
  /** Of requests that were accepted while this runs and have not ended: spares asking the database. */
  const open = new Map<string, Origin>();
  const originOf = (requestId: string) => open.get(requestId) ?? findOrigin.get(requestId);

  function evolve(events: readonly RecordedEvent[]): void {
    // One write per bucket and batch: under load most requests of a batch share a bucket.
    const changes = new Map<string, { key: BucketKey; sums: Sums }>();
    for (const event of events) {
      if (event.body.type === 'RequestAccepted') open.set(event.body.requestId, originIn(event.body, event.occurredAt));
      const contribution = contributionOf(event, originOf);
      if (!contribution) continue;
      if (contribution.outcome && 'requestId' in event.body) open.delete(event.body.requestId);
      const { startedAt, clientKeyId, upstreamKeyId, model } = contribution;
      const key: BucketKey = [startedAt - (startedAt % hourMs), clientKeyId, upstreamKeyId, model];
      const name = key.join('\n');
      const change = changes.get(name) ?? { key, sums: emptySums() };
      add(change.sums, contribution);
      changes.set(name, change);
    }
    for (const { key, sums } of changes.values()) addToBucket(key, sums);
  }

  return { name: 'usage_bucket', orderedBy: 'hour, client_key_id, upstream_key_id, model', evolve };
}

function originIn({ clientKeyId, requestedModel: model, signatures }: RequestAccepted, startedAt: number): Origin {
  const { client = 0, restored = 0, placeholder = 0 } = signatures ?? {};
  const sums = { clientSignatures: client, restoredSignatures: restored, placeholderSignatures: placeholder };
  return { startedAt, clientKeyId, model, ...sums };
}

function prepareAdd(connection: Connection): (key: BucketKey, sums: Sums) => void {
  const upsert = connection.prepare(
    `insert into usage_bucket (hour, client_key_id, upstream_key_id, model, requests, succeeded, failed, cancelled, rejected,
       input_tokens, cached_input_tokens, output_tokens, reasoning_tokens, total_tokens, estimated_requests, last_used_at,
       client_signatures, restored_signatures, placeholder_signatures)
     values (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
     on conflict do update set
       requests = requests + excluded.requests,
       succeeded = succeeded + excluded.succeeded,
       failed = failed + excluded.failed,
       cancelled = cancelled + excluded.cancelled,
       rejected = rejected + excluded.rejected,
       input_tokens = input_tokens + excluded.input_tokens,
       cached_input_tokens = cached_input_tokens + excluded.cached_input_tokens,
       output_tokens = output_tokens + excluded.output_tokens,
       reasoning_tokens = reasoning_tokens + excluded.reasoning_tokens,
       total_tokens = total_tokens + excluded.total_tokens,
       estimated_requests = estimated_requests + excluded.estimated_requests,
       last_used_at = max(last_used_at, excluded.last_used_at),
       client_signatures = client_signatures + excluded.client_signatures,
       restored_signatures = restored_signatures + excluded.restored_signatures,
       placeholder_signatures = placeholder_signatures + excluded.placeholder_signatures`,
  );
  return (key, sums) => {
    const { requests, succeeded, failed, cancelled, rejected } = sums;
    const { inputTokens, cachedInputTokens, outputTokens, reasoningTokens, totalTokens } = sums;
    const outcomes = [requests, succeeded, failed, cancelled, rejected];
    const tokens = [inputTokens, cachedInputTokens, outputTokens, reasoningTokens, totalTokens];
    const signatures = [sums.clientSignatures, sums.restoredSignatures, sums.placeholderSignatures];
    upsert.run([...key, ...outcomes, ...tokens, sums.estimatedRequests, sums.lastUsedAt, ...signatures]);
  };
}

function contributionOf(
  { body, occurredAt }: RecordedEvent,
  findOrigin: (requestId: string) => Origin | undefined,
): Contribution | null {
  switch (body.type) {
    case 'RequestRejected': {
      const { clientKeyId, requestedModel: model } = body;
      const nothingUsed = { upstreamKeyId: '', usage: noUsage, isEstimated: false, ...noSignatures };
      return { startedAt: occurredAt, clientKeyId, model, outcome: 'rejected', ...nothingUsed };
    }
    case 'AttemptSucceeded': {
      const { upstreamKeyId, usage } = body;
      const origin = { ...requireOrigin(body, findOrigin), ...noSignatures };
      return { ...origin, upstreamKeyId, outcome: null, usage, isEstimated: false };
    }
    case 'RequestCompleted':
    case 'RequestFailed':
    case 'RequestAborted': {
      const origin = requireOrigin(body, findOrigin);
      const { upstreamKeyId, usage, usageSource } = body;
      return { ...origin, upstreamKeyId, outcome: outcomeOf(body), usage, isEstimated: usageSource !== 'upstream' };
    }
    default:
      return null;
  }
}

function requireOrigin(
  { type, requestId }: { type: string; requestId: string },
  findOrigin: (requestId: string) => Origin | undefined,
): Origin {
  const origin = findOrigin(requestId);
  if (!origin) throw new Error(`${type} of ${requestId}, which was never accepted.`);
  return origin;
}

function outcomeOf(body: RequestCompleted | RequestFailed | RequestAborted): Outcome {
  switch (body.type) {
    case 'RequestCompleted':
      return 'succeeded';
    case 'RequestFailed':
      return 'failed';
    case 'RequestAborted':
      return outcomeOfAbort(body) === 'CANCELLED' ? 'cancelled' : 'failed';
  }
}

const noUsage: TokenUsage = {
  inputTokens: 0,
  cachedInputTokens: 0,
  outputTokens: 0,
  reasoningTokens: 0,
  totalTokens: 0,
};

const noSignatures: SignatureSums = { clientSignatures: 0, restoredSignatures: 0, placeholderSignatures: 0 };

function emptySums(): Sums {
  const outcomes = { succeeded: 0, failed: 0, cancelled: 0, rejected: 0 };
  return { requests: 0, ...outcomes, ...noUsage, ...noSignatures, estimatedRequests: 0, lastUsedAt: 0 };
}

function add(sums: Sums, contribution: Contribution): void {
  const { outcome, usage, isEstimated, startedAt } = contribution;
  if (outcome) {
    sums.requests++;
    sums[outcome]++;
  }
  sums.inputTokens += usage.inputTokens;
  sums.cachedInputTokens += usage.cachedInputTokens;
  sums.outputTokens += usage.outputTokens;
  sums.reasoningTokens += usage.reasoningTokens;
  sums.totalTokens += usage.totalTokens;
  sums.estimatedRequests += isEstimated ? 1 : 0;
  sums.lastUsedAt = Math.max(sums.lastUsedAt, startedAt);
  sums.clientSignatures += contribution.clientSignatures;
  sums.restoredSignatures += contribution.restoredSignatures;
  sums.placeholderSignatures += contribution.placeholderSignatures;
}

/** How many requests and tokens there were. `requests` holds those still in progress too: it equals the rows of `request`. */
export interface UsageTotals extends SignatureSums {
  requests: number;
  succeeded: number;
  failed: number;
  cancelled: number;
  rejected: number;
  inputTokens: number;
  cachedInputTokens: number;
  outputTokens: number;
  reasoningTokens: number;
  totalTokens: number;
  /** Requests whose tokens Google did not tell to the end. */
  estimatedRequests: number;
  /** When the newest request began; null for none. */
  lastUsedAt: number | null;
}

/** Totals of the requests that were accepted from the full hour of `fromMs` up to `toMs`. */
export function readUsageTotals(connection: Connection, fromMs: number, toMs: number): UsageTotals {
  return connection
    .prepare<[number, number], UsageTotals>(`select ${usageSums} from ${usageRows} where hour >= ? and hour < ?`)
    .get(fromMs - (fromMs % hourMs), toMs) as UsageTotals;
}

/** A table expression: ended requests from their buckets, open ones from their rows. */
export const usageRows = `(
  select hour, client_key_id, upstream_key_id, model, requests, succeeded, failed, cancelled, rejected, input_tokens,
    cached_input_tokens, output_tokens, reasoning_tokens, total_tokens, estimated_requests, last_used_at,
    client_signatures, restored_signatures, placeholder_signatures
  from usage_bucket
  union all
  select started_at - started_at % ${hourMs}, client_key_id, coalesce(upstream_key_id, ''), requested_model, 1, 0, 0, 0, 0, 0,
    0, 0, 0, 0, 0, started_at, client_signatures, restored_signatures, placeholder_signatures
  from request where outcome = 'IN_PROGRESS'
)`;

/** The columns of `UsageTotals` over such rows. */
export const usageSums = `
  coalesce(sum(requests), 0) as requests, coalesce(sum(succeeded), 0) as succeeded, coalesce(sum(failed), 0) as failed,
  coalesce(sum(cancelled), 0) as cancelled, coalesce(sum(rejected), 0) as rejected,
  coalesce(sum(input_tokens), 0) as inputTokens, coalesce(sum(cached_input_tokens), 0) as cachedInputTokens,
  coalesce(sum(output_tokens), 0) as outputTokens, coalesce(sum(reasoning_tokens), 0) as reasoningTokens,
  coalesce(sum(total_tokens), 0) as totalTokens, coalesce(sum(estimated_requests), 0) as estimatedRequests,
  max(last_used_at) as lastUsedAt, coalesce(sum(client_signatures), 0) as clientSignatures,
  coalesce(sum(restored_signatures), 0) as restoredSignatures,
  coalesce(sum(placeholder_signatures), 0) as placeholderSignatures`;
