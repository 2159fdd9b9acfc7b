import { defineEntity, p } from '@mikro-orm/core';
import type { Connection, Orm } from '../../database.ts';
import type {
  AttemptFailed,
  AttemptSucceeded,
  RecordedEvent,
  RequestAborted,
  RequestAccepted,
  RequestCompleted,
  RequestFailed,
  RequestRejected,
  SignatureCounts,
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

/** One row per request: what became of it. */
const RequestSchema = defineEntity({
  name: 'Request',
  tableName: 'request',
  properties: {
    /** Position of the event that opened the row: the order of requests. */
    acceptedPosition: p.integer().primary(),
    requestId: p.string(),
    /** The client's own id for it. */
    clientRequestId: p.string().nullable(),
    outcome: p.string().$type<RequestOutcome>(),
    format: p.string(),
    clientKeyId: p.string(),
    /** The key of the last attempt. */
    upstreamKeyId: p.string().nullable(),
    requestedModel: p.string(),
    servedModel: p.string().nullable(),
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
    usageSource: p.string().$type<UsageSource>().nullable(),
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

/** Keeps `request` in step with the events of requests. */
export function requestsProjection(connection: Connection): Projection {
  const insertAccepted = connection.prepare(
    `insert into request (accepted_position, request_id, outcome, format, client_key_id, upstream_key_id,
       requested_model, is_streaming, started_at, attempts, client_signatures, restored_signatures,
       placeholder_signatures, client_request_id)
     values (?, ?, 'IN_PROGRESS', ?, ?, ?, ?, ?, ?, '[]', ?, ?, ?, ?)`,
  );
  const insertRejected = connection.prepare(
    `insert into request (accepted_position, request_id, outcome, format, client_key_id, requested_model, is_streaming,
       started_at, attempts, http_status, error_code, error_message, duration_ms, client_request_id)
     values (?, ?, 'REJECTED', ?, ?, ?, 0, ?, '[]', ?, ?, ?, 0, ?)`,
  );
  // `json_insert` at '$[#]' appends to the list.
  const addAttempt = connection.prepare(
    `update request set upstream_key_id = ?, attempts = json_insert(attempts, '$[#]', json(?))
     where request_id = ? and outcome = 'IN_PROGRESS'`,
  );
  const addUsage = connection.prepare(
    `update request set input_tokens = input_tokens + ?, cached_input_tokens = cached_input_tokens + ?,
       output_tokens = output_tokens + ?, reasoning_tokens = reasoning_tokens + ?, total_tokens = total_tokens + ?
     where request_id = ? and outcome = 'IN_PROGRESS'`,
  );
  // Most requests need one attempt: spared the JSON functions, which are slow.
  const end = connection.prepare(
    `update request set outcome = ?, upstream_key_id = ?, served_model = ?, http_status = ?, finish_reason = ?,
       error_code = ?, error_message = ?, input_tokens = input_tokens + ?, cached_input_tokens = cached_input_tokens + ?,
       output_tokens = output_tokens + ?, reasoning_tokens = reasoning_tokens + ?, total_tokens = total_tokens + ?,
       usage_source = ?, duration_ms = ?, time_to_first_token_ms = ?,
       attempts = case when ? is null then attempts when attempts = '[]' then '[' || ? || ']'
                  else json_insert(attempts, '$[#]', json(?)) end
     where request_id = ? and outcome = 'IN_PROGRESS'`,
  );

  function onAccepted(event: RequestAccepted, { position, occurredAt }: RecordedEvent): void {
    const { requestId, format, clientKeyId, upstreamKeyId, requestedModel } = event;
    const isStreaming = event.isStreaming ? 1 : 0;
    const { client, restored, placeholder } = event.signatures ?? noSignatures;
    insertAccepted.run(
      position,
      requestId,
      format,
      clientKeyId,
      upstreamKeyId,
      requestedModel,
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
    const { requestId, attempt: number, upstreamKeyId, httpStatus, failure, durationMs } = event;
    const attempt: Attempt = { number, upstreamKeyId, httpStatus, failure, durationMs };
    requireOpen(event, addAttempt.run(upstreamKeyId, JSON.stringify(attempt), requestId).changes);
  }

  function onAttemptSucceeded(event: AttemptSucceeded): void {
    const { requestId, attempt: number, upstreamKeyId, durationMs } = event;
    const attempt: Attempt = { number, upstreamKeyId, httpStatus: 200, failure: null, durationMs };
    requireOpen(event, addAttempt.run(upstreamKeyId, JSON.stringify(attempt), requestId).changes);
    const { inputTokens, cachedInputTokens, outputTokens, reasoningTokens, totalTokens } = event.usage;
    addUsage.run(inputTokens, cachedInputTokens, outputTokens, reasoningTokens, totalTokens, requestId);
  }

  function onEnded(event: Terminal): void {
    const { requestId, upstreamKeyId, servedModel, usage, usageSource, durationMs, timeToFirstTokenMs } = event;
    const { outcome, httpStatus, finishReason, code, message, attempt } = endOf(event);
    const { inputTokens, cachedInputTokens, outputTokens, reasoningTokens, totalTokens } = usage;
    // The attempts of several calls have been told already.
    const lastAttempt = event.calls === undefined ? JSON.stringify(attempt) : null;
    const { changes } = end.run(
      outcome,
      upstreamKeyId,
      servedModel,
      httpStatus,
      finishReason,
      code,
      message,
      inputTokens,
      cachedInputTokens,
      outputTokens,
      reasoningTokens,
      totalTokens,
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
        onEnded(event);
        break;
      case 'RequestRejected':
        onRejected(event, recorded);
        break;
    }
  }

  return {
    name: 'request',
    orderedBy: 'accepted_position',
    evolve(events) {
      for (const event of events) evolveOne(event);
    },
  };
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
  'crash-recovery': 'The gateway died before the answer ended; what it cost is not known.',
  deadline: 'The answer took longer than allowed.',
};
