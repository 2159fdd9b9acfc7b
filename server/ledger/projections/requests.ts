import { defineEntity, p } from '@mikro-orm/core';
import type { Connection, Orm } from '../../database.ts';
import type {
  AttemptFailed,
  AttemptSucceeded,
  Charge,
  EventsArchived,
  ModalityTokens,
  RecordedEvent,
  RequestAborted,
  RequestAccepted,
  RequestCompleted,
  RequestFailed,
  RequestRejected,
  SignatureCounts,
  TokenUsage,
  UsageAdjusted,
  UsageRepriced,
  UsageSource,
} from '../events.ts';
import { clampFirst, type Page, type PageQuery, toPage } from '../page.ts';
import type { Projection } from './projection.ts';

export type RequestOutcome = 'IN_PROGRESS' | 'SUCCEEDED' | 'FAILED' | 'CANCELLED' | 'REJECTED';

/** One upstream call of a request. */
export interface Attempt {
  number: number;
  upstreamKeyId: string;
  httpStatus: number | null;
  failure: string | null;
  /** Null when it is not known: of the last attempt of several. */
  durationMs: number | null;
}

/** One row per request: what became of it. Those of archived events are gone. */
const RequestSchema = defineEntity({
  name: 'Request',
  tableName: 'request',
  properties: {
    /** Position of the event that opened the row: the order of requests. */
    acceptedPosition: p.integer().primary(),
    /** Null while it is in progress. */
    endedPosition: p.integer().nullable(),
    requestId: p.string(),
    /** The client's own id for it. */
    clientRequestId: p.string().nullable(),
    outcome: p.string().$type<RequestOutcome>(),
    format: p.string(),
    clientKeyId: p.string(),
    /** The key of the last attempt. */
    upstreamKeyId: p.string().nullable(),
    requestedModel: p.string(),
    /** The id that was called; null for one that was refused. */
    model: p.string().nullable(),
    servedModel: p.string().nullable(),
    serviceTier: p.string().nullable(),
    isStreaming: p.boolean(),
    httpStatus: p.integer().nullable(),
    finishReason: p.string().nullable(),
    errorCode: p.string().nullable(),
    errorMessage: p.string().nullable(),
    inputTokens: p.integer(),
    cachedInputTokens: p.integer(),
    outputTokens: p.integer(),
    reasoningTokens: p.integer(),
    totalTokens: p.integer(),
    /** Of its last call. */
    modalities: p.json().$type<ModalityTokens>().nullable(),
    usageSource: p.string().$type<UsageSource>().nullable(),
    /** Of the calls that have a price. */
    costPico: p.bigint('bigint'),
    /** Of its last call that has one. */
    priceId: p.string().nullable(),
    /** Calls that used tokens for which no price is known. */
    unpricedCalls: p.integer(),
    startedAt: p.integer(),
    durationMs: p.integer().nullable(),
    timeToFirstTokenMs: p.integer().nullable(),
    attempts: p.json().$type<Attempt[]>(),
    /** How its thought signatures came, see `SignatureCounts`. */
    clientSignatures: p.integer(),
    restoredSignatures: p.integer(),
    placeholderSignatures: p.integer(),
  },
});
export class Request extends RequestSchema.class {}
RequestSchema.setClass(Request);

export interface RequestFilter {
  outcomes?: readonly RequestOutcome[] | null;
  clientKeyId?: string | null;
  /** As the client wrote it. */
  model?: string | null;
  /** The client's own id, which it may have used more than once. */
  clientRequestId?: string | null;
}

/** Requests, newest first. */
export async function findRequests(orm: Orm, query: PageQuery & RequestFilter): Promise<Page<Request>> {
  const first = clampFirst(query.first);
  const matching = {
    ...(query.outcomes && { outcome: { $in: [...query.outcomes] } }),
    ...(query.clientKeyId && { clientKeyId: query.clientKeyId }),
    ...(query.model && { requestedModel: query.model }),
    ...(query.clientRequestId && { clientRequestId: query.clientRequestId }),
  };
  const older = query.after === null ? {} : { acceptedPosition: { $lt: Number(query.after) || 0 } };
  const em = orm.em.fork();
  const newestFirst = { acceptedPosition: 'desc' } as const;
  const rows = await em.find(Request, { ...matching, ...older }, { orderBy: newestFirst, limit: first + 1 });
  return toPage(rows, first, await em.count(Request, matching), (row) => String(row.acceptedPosition));
}

export async function findRequest(orm: Orm, requestId: string): Promise<Request | null> {
  return orm.em.fork().findOne(Request, { requestId });
}

const noSignatures: SignatureCounts = { client: 0, restored: 0, placeholder: 0 };

type Terminal = RequestCompleted | RequestFailed | RequestAborted;
/** An event that adds to what a request has used. */
type Spending = Pick<AttemptSucceeded, 'type' | 'requestId' | 'usage'> & { charge?: Charge };

/** Keeps `request` in step with the events of requests. */
export function requestsProjection(connection: Connection): Projection {
  const insertAccepted = connection.prepare(
    `insert into request (accepted_position, request_id, outcome, format, client_key_id, upstream_key_id,
       requested_model, model, is_streaming, started_at, attempts, client_signatures, restored_signatures,
       placeholder_signatures, client_request_id)
     values (?, ?, 'IN_PROGRESS', ?, ?, ?, ?, ?, ?, ?, '[]', ?, ?, ?, ?)`,
  );
  const insertRejected = connection.prepare(
    `insert into request (accepted_position, ended_position, request_id, outcome, format, client_key_id, requested_model,
       is_streaming, started_at, attempts, http_status, error_code, error_message, duration_ms, client_request_id)
     values (?, ?, ?, 'REJECTED', ?, ?, ?, 0, ?, '[]', ?, ?, ?, 0, ?)`,
  );
  // `json_insert` at '$[#]' appends to the list.
  const addAttempt = connection.prepare(
    `update request set upstream_key_id = ?, attempts = json_insert(attempts, '$[#]', json(?))
     where request_id = ? and outcome = 'IN_PROGRESS'`,
  );
  const sums = `input_tokens = input_tokens + ?, cached_input_tokens = cached_input_tokens + ?,
       output_tokens = output_tokens + ?, reasoning_tokens = reasoning_tokens + ?, total_tokens = total_tokens + ?,
       modalities = coalesce(?, modalities), cost_pico = cost_pico + ?, price_id = coalesce(?, price_id),
       unpriced_calls = unpriced_calls + ?`;
  const addUsage = connection.prepare(`update request set ${sums} where request_id = ? and outcome = 'IN_PROGRESS'`);
  const adjust = connection.prepare(`update request set ${sums}, usage_source = ? where request_id = ?`);
  const reprice = connection.prepare(
    'update request set cost_pico = ?, price_id = ?, unpriced_calls = 0 where request_id = ?',
  );
  const removeArchived = connection.prepare(
    `delete from request where accepted_position <= ? and outcome <> 'IN_PROGRESS'`,
  );
  // Most requests need one attempt: spared the JSON functions, which are slow.
  const end = connection.prepare(
    `update request set ended_position = ?, outcome = ?, upstream_key_id = ?, served_model = ?, service_tier = ?,
       http_status = ?, finish_reason = ?, error_code = ?, error_message = ?, ${sums},
       usage_source = ?, duration_ms = ?, time_to_first_token_ms = ?,
       attempts = case when ? is null then attempts when attempts = '[]' then '[' || ? || ']'
                  else json_insert(attempts, '$[#]', json(?)) end
     where request_id = ? and outcome = 'IN_PROGRESS'`,
  );

  function onAccepted(event: RequestAccepted, { position, occurredAt }: RecordedEvent): void {
    const { requestId, format, clientKeyId, upstreamKeyId, requestedModel, model } = event;
    const isStreaming = event.isStreaming ? 1 : 0;
    const { client, restored, placeholder } = event.signatures ?? noSignatures;
    insertAccepted.run(
      position,
      requestId,
      format,
      clientKeyId,
      upstreamKeyId,
      requestedModel,
      model,
      isStreaming,
      occurredAt,
      client,
      restored,
      placeholder,
      event.clientRequestId ?? null,
    );
  }

  function onRejected(event: RequestRejected, { position, occurredAt }: RecordedEvent): void {
    const { requestId, format, clientKeyId, requestedModel, httpStatus, code, message } = event;
    const clientRequestId = event.clientRequestId ?? null;
    insertRejected.run(
      position,
      position,
      requestId,
      format,
      clientKeyId,
      requestedModel,
      occurredAt,
      httpStatus,
      code,
      message,
      clientRequestId,
    );
  }

  function onAttemptFailed(event: AttemptFailed): void {
    const { requestId, attempt: number, upstreamKeyId, httpStatus, failure, durationMs, usage, charge } = event;
    const attempt: Attempt = { number, upstreamKeyId, httpStatus, failure, durationMs };
    requireOpen(event, addAttempt.run(upstreamKeyId, JSON.stringify(attempt), requestId).changes);
    if (usage) spend({ ...event, usage, ...(charge && { charge }) });
  }

  function onAttemptSucceeded(event: AttemptSucceeded): void {
    const { requestId, attempt: number, upstreamKeyId, durationMs } = event;
    const attempt: Attempt = { number, upstreamKeyId, httpStatus: 200, failure: null, durationMs };
    requireOpen(event, addAttempt.run(upstreamKeyId, JSON.stringify(attempt), requestId).changes);
    spend(event);
  }

  function spend({ requestId, usage, charge }: Omit<Spending, 'type'>): void {
    addUsage.run(...addends(usage, charge), requestId);
  }

  function onEnded(event: Terminal, { position }: RecordedEvent): void {
    const { requestId, upstreamKeyId, servedModel, usage, usageSource, durationMs, timeToFirstTokenMs } = event;
    const { outcome, httpStatus, finishReason, code, message, attempt } = endOf(event);
    // The attempts of several calls have been told already.
    const lastAttempt = event.calls === undefined ? JSON.stringify(attempt) : null;
    const { changes } = end.run(
      position,
      outcome,
      upstreamKeyId,
      servedModel,
      event.serviceTier ?? null,
      httpStatus,
      finishReason,
      code,
      message,
      ...addends(usage, event.charge),
      usageSource,
      durationMs,
      timeToFirstTokenMs,
      lastAttempt,
      lastAttempt,
      lastAttempt,
      requestId,
    );
    requireOpen(event, changes);
  }

  function onAdjusted({ usage, charge, usageSource, requestId }: UsageAdjusted): void {
    adjust.run(...addends(usage, charge), usageSource, requestId);
  }

  function onRepriced({ requests, priceId }: UsageRepriced): void {
    for (const { requestId, costPico } of requests) reprice.run(BigInt(costPico), priceId, requestId);
  }

  function onArchived({ toPosition }: EventsArchived): void {
    removeArchived.run(toPosition);
  }

  function evolveOne(recorded: RecordedEvent): void {
    const event = recorded.body;
    switch (event.type) {
      case 'RequestAccepted':
        onAccepted(event, recorded);
        break;
      case 'AttemptFailed':
        onAttemptFailed(event);
        break;
      case 'AttemptSucceeded':
        onAttemptSucceeded(event);
        break;
      case 'RequestCompleted':
      case 'RequestFailed':
      case 'RequestAborted':
        onEnded(event, recorded);
        break;
      case 'RequestRejected':
        onRejected(event, recorded);
        break;
      case 'UsageAdjusted':
        onAdjusted(event);
        break;
      case 'UsageRepriced':
        onRepriced(event);
        break;
      case 'EventsArchived':
        onArchived(event);
        break;
    }
  }

  return {
    name: 'request',
    isInline: true,
    orderedBy: 'accepted_position',
    evolve(events) {
      for (const event of events) evolveOne(event);
    },
  };
}

/** The values of `sums`. */
function addends(usage: TokenUsage, charge: Charge | undefined) {
  const { inputTokens, cachedInputTokens, outputTokens, reasoningTokens, totalTokens, modalities } = usage;
  return [
    inputTokens,
    cachedInputTokens,
    outputTokens,
    reasoningTokens,
    totalTokens,
    modalities ? JSON.stringify(modalities) : null,
    charge ? BigInt(charge.costPico) : 0,
    charge?.priceId ?? null,
    isUnpriced(usage, charge) ? 1 : 0,
  ] as const;
}

/** Tokens were used, and nobody knows what they cost. */
export function isUnpriced({ totalTokens }: TokenUsage, charge: Charge | undefined): boolean {
  return totalTokens > 0 && !charge;
}

function requireOpen({ type, requestId }: Terminal | AttemptFailed | AttemptSucceeded, changes: number): void {
  if (changes === 0) throw new Error(`${type} of ${requestId}, which is not in progress.`);
}

/** How a terminal event shows in its row. */
function endOf(event: Terminal) {
  const none = { httpStatus: null, finishReason: null, code: null, message: null };
  const { attempt: number, upstreamKeyId } = event;
  // The only attempt took as long as the request; the last of several began at a time that no event tells.
  const attempt = { number, upstreamKeyId, durationMs: number === 1 ? event.durationMs : null };
  switch (event.type) {
    case 'RequestCompleted': {
      const { httpStatus, finishReason } = event;
      const last: Attempt = { ...attempt, httpStatus, failure: null };
      return { ...none, outcome: 'SUCCEEDED', httpStatus, finishReason, attempt: last };
    }
    case 'RequestFailed': {
      const { httpStatus, code, message, upstreamStatus } = event;
      const last: Attempt = { ...attempt, httpStatus: upstreamStatus, failure: code };
      return { ...none, outcome: 'FAILED', httpStatus, code, message, attempt: last };
    }
    case 'RequestAborted': {
      const last: Attempt = { ...attempt, httpStatus: null, failure: event.by };
      return {
        ...none,
        outcome: outcomeOfAbort(event),
        code: event.by,
        message: abortMessages[event.by],
        attempt: last,
      };
    }
  }
}

/** Only a caller who left has cancelled; whatever else cuts an answer has failed it. */
export function outcomeOfAbort({ by }: RequestAborted): 'CANCELLED' | 'FAILED' {
  return by === 'client' ? 'CANCELLED' : 'FAILED';
}

const abortMessages: Record<RequestAborted['by'], string> = {
  client: 'The client went away before the answer ended.',
  shutdown: 'The gateway was stopped before the answer ended.',
  'crash-recovery': 'The gateway died before the answer ended; what it cost is not known for certain.',
  deadline: 'The answer took longer than allowed.',
};
