import { defineEntity, p } from '@mikro-orm/core';
import type { Connection } from '../../database.ts';
import { dayMs, hourMs, minuteMs } from '../calendar.ts';
import type {
  Charge,
  RecordedEvent,
  RequestAborted,
  RequestAccepted,
  RequestCompleted,
  RequestFailed,
  TokenUsage,
  UsageRepriced,
} from '../events.ts';
import { addLatency, type LatencySketch, mergeSketch, readSketch, writeSketch } from '../latency-sketch.ts';
import type { Foreknowledge, Projection } from './projection.ts';
import { isUnpriced, outcomeOfAbort, type RequestOutcome } from './requests.ts';

/**
 * Sums by minute, hour and day (UTC) × client key × upstream key × model × format × outcome. A request counts once, when it ended, at the
 * time at which it was accepted, for its last upstream key ('' for none) and the model as the client wrote it. Tokens of calls that did not
 * end their request count for the key of each, with the outcome ''.
 */
const UsageBucketSchema = defineEntity({
  name: 'UsageBucket',
  tableName: 'usage_bucket',
  properties: {
    widthMs: p.integer().primary(),
    /** Its first instant, ms since 1970. */
    start: p.integer().primary(),
    clientKeyId: p.string().primary(),
    upstreamKeyId: p.string().primary(),
    model: p.string().primary(),
    format: p.string().primary(),
    outcome: p.string().primary(),
    requests: p.integer(),
    inputTokens: p.integer(),
    cachedInputTokens: p.integer(),
    outputTokens: p.integer(),
    reasoningTokens: p.integer(),
    totalTokens: p.integer(),
    costPico: p.bigint('bigint'),
    /** Requests or calls with tokens for which no price was known. */
    unpricedRequests: p.integer(),
    /** Requests whose tokens Google did not tell to the end. */
    estimatedRequests: p.integer(),
    /** When the newest of its requests began. */
    lastUsedAt: p.integer(),
    clientSignatures: p.integer(),
    restoredSignatures: p.integer(),
    placeholderSignatures: p.integer(),
    /** Sketches, see `latency-sketch.ts`: of whole requests, and of the times until first content. */
    durations: p.text(),
    firstTokens: p.text(),
  },
});
export class UsageBucket extends UsageBucketSchema.class {}
UsageBucketSchema.setClass(UsageBucket);

/** So long minutes are kept, counted back from the newest request; hours and days stay. */
const minutesKeptMs = 2 * dayMs;
const widerWidths = [hourMs, dayMs] as const;
const widths = [minuteMs, ...widerWidths] as const;

/** How the thought signatures of requests came, see `SignatureCounts`. */
interface SignatureSums {
  clientSignatures: number;
  restoredSignatures: number;
  placeholderSignatures: number;
}

/** Where an ending request belongs: told by its row, which `request` keeps. */
interface Origin extends SignatureSums {
  startedAt: number;
  clientKeyId: string;
  model: string;
  format: string;
}

/** What one event adds, and where. */
interface Contribution extends Origin {
  upstreamKeyId: string;
  /** '' for a call that did not end its request. */
  outcome: RequestOutcome | '';
  /** 1 for the end of a request. */
  requests: 0 | 1;
  usage: TokenUsage;
  costPico: bigint;
  unpricedRequests: number;
  isEstimated: boolean;
  durationMs: number | null;
  firstTokenMs: number | null;
}

interface Sums extends SignatureSums {
  requests: number;
  inputTokens: number;
  cachedInputTokens: number;
  outputTokens: number;
  reasoningTokens: number;
  totalTokens: number;
  costPico: bigint;
  unpricedRequests: number;
  estimatedRequests: number;
  lastUsedAt: number;
  durations: LatencySketch;
  firstTokens: LatencySketch;
}

type Place = [clientKeyId: string, upstreamKeyId: string, model: string, format: string, outcome: string];
type BucketKey = [widthMs: number, start: number, ...Place];

/** Keeps `usage_bucket` in step. Runs after `request`. */
export function usageBucketsProjection(connection: Connection, known?: Foreknowledge): Projection {
  const findOrigin = connection.prepare<[string], Origin>(
    `select started_at as startedAt, client_key_id as clientKeyId, requested_model as model, format,
       client_signatures as clientSignatures, restored_signatures as restoredSignatures,
       placeholder_signatures as placeholderSignatures
     from request where request_id = ?`,
  );
  const addToBucket = prepareAdd(connection);
  const dropMinutes = connection.prepare(`delete from usage_bucket where width_ms = ${minuteMs} and start < ?`);
  const newestMinute = connection.prepare<[], number | null>(
    `select max(start) from usage_bucket where width_ms = ${minuteMs}`,
  );
  /** Of requests that were accepted while this runs and have not ended: spares asking the database. */
  const open = new Map<string, Origin>();
  const originOf = (requestId: string) => open.get(requestId) ?? findOrigin.get(requestId);
  const lateStart = known?.lateStart ?? 0;
  const oldestMinute = lateStart - (lateStart % minuteMs) - minutesKeptMs;
  /** One write per bucket and commit: under load, and in a rebuild, many requests share a bucket. */
  let changes: Changes = new Map();

  function evolve(events: readonly RecordedEvent[]): void {
    for (const event of events) {
      const { body } = event;
      if (body.type === 'RequestAccepted') open.set(body.requestId, originIn(body, event.occurredAt));
      for (const contribution of contributionsOf(event, originOf)) collect(changes, contribution, oldestMinute);
      if (isTerminal(body)) open.delete(body.requestId);
    }
    if (changes.size > heldBackMax) settle();
  }

  function settle(): void {
    if (changes.size === 0) return;
    const starts = [...changes.values()].filter(({ key: [width] }) => width === minuteMs).map(({ key }) => key[1]);
    const newest = starts.reduce((a, b) => Math.max(a, b), newestMinute.pluck().get() ?? 0);
    const oldest = newest - minutesKeptMs;
    for (const [name, { key, sums }] of changes) {
      const [width, start] = key;
      if (width !== minuteMs || start >= oldest) addToBucket(name, key, sums);
    }
    dropMinutes.run(oldest);
    changes = new Map();
  }

  return {
    name: 'usage_bucket',
    settle,
    isInline: false,
    orderedBy: 'width_ms, start, client_key_id, upstream_key_id, model, format, outcome',
    evolve,
  };
}

/** By bucket: what its key is made of, and what it gets. */
type Changes = Map<string, { key: BucketKey; sums: Sums }>;

/** In a rebuild so many buckets are gathered before they are written. */
const heldBackMax = 100_000;

function collect(changes: Changes, contribution: Contribution, oldestMinute: number): void {
  const { startedAt, clientKeyId, upstreamKeyId, model, format, outcome } = contribution;
  // Put together once for all widths: this runs for every request.
  const place = `${clientKeyId}\n${upstreamKeyId}\n${model}\n${format}\n${outcome}`;
  const isOld = startedAt - (startedAt % minuteMs) < oldestMinute;
  for (const width of isOld ? widerWidths : widths) {
    const start = startedAt - (startedAt % width);
    const name = `${width} ${start} ${place}`;
    let change = changes.get(name);
    if (!change) {
      const key: BucketKey = [width, start, clientKeyId, upstreamKeyId, model, format, outcome];
      change = { key, sums: emptySums() };
      changes.set(name, change);
    }
    add(change.sums, contribution);
  }
}

function originIn(accepted: RequestAccepted, startedAt: number): Origin {
  const { clientKeyId, requestedModel: model, format, signatures } = accepted;
  const { client = 0, restored = 0, placeholder = 0 } = signatures ?? {};
  const sums = { clientSignatures: client, restoredSignatures: restored, placeholderSignatures: placeholder };
  return { startedAt, clientKeyId, model, format, ...sums };
}

function prepareAdd(connection: Connection): (name: string, key: BucketKey, sums: Sums) => void {
  const where =
    'width_ms = ? and start = ? and client_key_id = ? and upstream_key_id = ? and model = ? and format = ? and outcome = ?';
  const readSketches = connection.prepare<BucketKey, { durations: string; firstTokens: string }>(
    `select durations, first_tokens as firstTokens from usage_bucket where ${where}`,
  );
  const insertInto = `insert into usage_bucket (width_ms, start, client_key_id, upstream_key_id, model, format, outcome, requests,
       input_tokens, cached_input_tokens, output_tokens, reasoning_tokens, total_tokens, cost_pico, unpriced_requests,
       estimated_requests, last_used_at, client_signatures, restored_signatures, placeholder_signatures, durations,
       first_tokens)
     values (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`;
  const begin = connection.prepare(`${insertInto} on conflict do nothing`);
  const upsert = connection.prepare(
    `${insertInto}
     on conflict do update set
       requests = requests + excluded.requests,
       input_tokens = input_tokens + excluded.input_tokens,
       cached_input_tokens = cached_input_tokens + excluded.cached_input_tokens,
       output_tokens = output_tokens + excluded.output_tokens,
       reasoning_tokens = reasoning_tokens + excluded.reasoning_tokens,
       total_tokens = total_tokens + excluded.total_tokens,
       cost_pico = cost_pico + excluded.cost_pico,
       unpriced_requests = unpriced_requests + excluded.unpriced_requests,
       estimated_requests = estimated_requests + excluded.estimated_requests,
       last_used_at = max(last_used_at, excluded.last_used_at),
       client_signatures = client_signatures + excluded.client_signatures,
       restored_signatures = restored_signatures + excluded.restored_signatures,
       placeholder_signatures = placeholder_signatures + excluded.placeholder_signatures,
       durations = excluded.durations,
       first_tokens = excluded.first_tokens`,
  );
  /** Buckets that are there for certain: most of those that are written are written often. */
  const known = new Set<string>();
  return (name, key, sums) => {
    if (!known.has(name)) {
      if (known.size > knownMax) known.clear();
      known.add(name);
      if (begin.run(valuesOf(key, sums)).changes === 1) return;
    }
    const before = readSketches.get(...key);
    mergeSketch(sums.durations, readSketch(before?.durations ?? ''));
    mergeSketch(sums.firstTokens, readSketch(before?.firstTokens ?? ''));
    upsert.run(valuesOf(key, sums));
  };
}

const knownMax = 10_000;

function valuesOf(key: BucketKey, sums: Sums): (string | number | bigint)[] {
  const { inputTokens, cachedInputTokens, outputTokens, reasoningTokens, totalTokens } = sums;
  const tokens = [inputTokens, cachedInputTokens, outputTokens, reasoningTokens, totalTokens];
  const signatures = [sums.clientSignatures, sums.restoredSignatures, sums.placeholderSignatures];
  const rest = [sums.costPico, sums.unpricedRequests, sums.estimatedRequests, sums.lastUsedAt];
  const sketches = [writeSketch(sums.durations), writeSketch(sums.firstTokens)];
  return [...key, sums.requests, ...tokens, ...rest, ...signatures, ...sketches];
}

type FindOrigin = (requestId: string) => Origin | undefined;
type Terminal = RequestCompleted | RequestFailed | RequestAborted;

function isTerminal(body: RecordedEvent['body']): body is Terminal {
  return body.type === 'RequestCompleted' || body.type === 'RequestFailed' || body.type === 'RequestAborted';
}

function contributionsOf({ body, occurredAt }: RecordedEvent, findOrigin: FindOrigin): Contribution[] {
  switch (body.type) {
    case 'RequestRejected': {
      const { clientKeyId, requestedModel: model, format } = body;
      const origin = { startedAt: occurredAt, clientKeyId, model, format, ...noSignatures };
      return [{ ...origin, ...nothing, upstreamKeyId: '', outcome: 'REJECTED', requests: 1 }];
    }
    case 'AttemptFailed':
      return body.usage ? [ofCall(body, body.usage, requireOrigin(body, findOrigin))] : [];
    case 'AttemptSucceeded':
      return [ofCall(body, body.usage, requireOrigin(body, findOrigin))];
    case 'RequestCompleted':
    case 'RequestFailed':
    case 'RequestAborted':
      return [ofEnd(body, requireOrigin(body, findOrigin))];
    case 'UsageAdjusted': {
      const { startedAt, clientKeyId, upstreamKeyId, requestedModel: model, format, outcome, usage, charge } = body;
      const place = { startedAt, clientKeyId, upstreamKeyId, model, format, outcome, ...noSignatures };
      return [{ ...place, ...nothing, requests: 0, usage, ...costOf(usage, charge) }];
    }
    case 'UsageRepriced':
      return ofRepriced(body);
    default:
      return [];
  }
}

function ofCall(
  { upstreamKeyId, charge }: { upstreamKeyId: string; charge?: Charge },
  usage: TokenUsage,
  origin: Origin,
): Contribution {
  return {
    ...origin,
    ...nothing,
    ...noSignatures,
    upstreamKeyId,
    outcome: '',
    requests: 0,
    usage,
    ...costOf(usage, charge),
  };
}

function ofEnd(body: Terminal, origin: Origin): Contribution {
  const { upstreamKeyId, usage, usageSource, charge, durationMs, timeToFirstTokenMs: firstTokenMs } = body;
  const isEstimated = usageSource !== 'upstream';
  const end = { upstreamKeyId, outcome: outcomeOf(body), requests: 1, isEstimated, durationMs, firstTokenMs } as const;
  return { ...origin, ...end, usage, ...costOf(usage, charge) };
}

function ofRepriced({ requests }: UsageRepriced): Contribution[] {
  return requests.map(
    ({ startedAt, clientKeyId, upstreamKeyId, requestedModel: model, format, outcome, ...costs }) => ({
      ...nothing,
      ...noSignatures,
      ...{ startedAt, clientKeyId, upstreamKeyId, model, format, outcome },
      requests: 0,
      costPico: BigInt(costs.costPico) - BigInt(costs.costPicoBefore),
      unpricedRequests: -costs.unpricedCalls,
    }),
  );
}

function costOf(usage: TokenUsage, charge: Charge | undefined) {
  return { costPico: charge ? BigInt(charge.costPico) : 0n, unpricedRequests: isUnpriced(usage, charge) ? 1 : 0 };
}

function requireOrigin({ type, requestId }: { type: string; requestId: string }, findOrigin: FindOrigin): Origin {
  const origin = findOrigin(requestId);
  if (!origin) throw new Error(`${type} of ${requestId}, which was never accepted.`);
  return origin;
}

function outcomeOf(body: Terminal): RequestOutcome {
  switch (body.type) {
    case 'RequestCompleted':
      return 'SUCCEEDED';
    case 'RequestFailed':
      return 'FAILED';
    case 'RequestAborted':
      return outcomeOfAbort(body);
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

const nothing = {
  usage: noUsage,
  costPico: 0n,
  unpricedRequests: 0,
  isEstimated: false,
  durationMs: null,
  firstTokenMs: null,
};

function emptySums(): Sums {
  return {
    requests: 0,
    ...noUsage,
    costPico: 0n,
    unpricedRequests: 0,
    ...noSignatures,
    estimatedRequests: 0,
    lastUsedAt: 0,
    durations: new Map(),
    firstTokens: new Map(),
  };
}

function add(sums: Sums, contribution: Contribution): void {
  const { usage, durationMs, firstTokenMs } = contribution;
  sums.requests += contribution.requests;
  sums.inputTokens += usage.inputTokens;
  sums.cachedInputTokens += usage.cachedInputTokens;
  sums.outputTokens += usage.outputTokens;
  sums.reasoningTokens += usage.reasoningTokens;
  sums.totalTokens += usage.totalTokens;
  sums.costPico += contribution.costPico;
  sums.unpricedRequests += contribution.unpricedRequests;
  sums.estimatedRequests += contribution.isEstimated ? 1 : 0;
  sums.lastUsedAt = Math.max(sums.lastUsedAt, contribution.startedAt);
  sums.clientSignatures += contribution.clientSignatures;
  sums.restoredSignatures += contribution.restoredSignatures;
  sums.placeholderSignatures += contribution.placeholderSignatures;
  if (durationMs !== null) addLatency(sums.durations, durationMs);
  if (firstTokenMs !== null) addLatency(sums.firstTokens, firstTokenMs);
}
