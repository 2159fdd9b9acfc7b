import { defineEntity, p } from '@mikro-orm/core';
import type { Connection } from '../../database.ts';
import type {
  AttemptFailed,
  RecordedEvent,
  RequestAborted,
  RequestAccepted,
  RequestCompleted,
  RequestFailed,
  RequestRejected,
} from '../events.ts';
import type { Projection } from './projection.ts';

export type RequestOutcome = 'IN_PROGRESS' | 'SUCCEEDED' | 'FAILED' | 'CANCELLED' | 'REJECTED';

/** One upstream call of a request. */
export interface Attempt {
  number: number;
  upstreamKeyId: string;
  httpStatus: number | null;
  failure: string | null;
  durationMs: number | null;
}

/** One row per request: what became of it. */
const RequestSchema = defineEntity({
  name: 'Request',
  tableName: 'request',
  properties: {
    acceptedPosition: p.integer().primary(),
    requestId: p.string(),
    outcome: p.string().$type<RequestOutcome>(),
    format: p.string(),
    clientKeyId: p.string(),
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
    usageSource: p.string().nullable(),
    startedAt: p.integer(),
    durationMs: p.integer().nullable(),
    timeToFirstTokenMs: p.integer().nullable(),
    attempts: p.json().$type<Attempt[]>(),
  },
});
export class Request extends RequestSchema.class {}
RequestSchema.setClass(Request);

type Terminal = RequestCompleted | RequestFailed | RequestAborted;

/** Keeps `request` in step with the events of requests. */
export function requestsProjection(connection: Connection): Projection {
  const insertAccepted = connection.prepare(
    `insert into request (accepted_position, request_id, outcome, format, client_key_id, upstream_key_id, requested_model, is_streaming, started_at, attempts)
     values (?, ?, 'IN_PROGRESS', ?, ?, ?, ?, ?, ?, '[]')`,
  );
  const insertRejected = connection.prepare(
    `insert into request (accepted_position, request_id, outcome, format, client_key_id, requested_model, is_streaming, started_at, attempts,
       http_status, error_code, error_message, duration_ms)
     values (?, ?, 'REJECTED', ?, ?, ?, 0, ?, '[]', ?, ?, ?, 0)`,
  );
  // `json_insert` with '$[#]' appends to the list.
  const addAttempt = connection.prepare(
    `update request set upstream_key_id = ?, attempts = json_insert(attempts, '$[#]', json(?)) where request_id = ?`,
  );
  const end = connection.prepare(
    `update request set outcome = ?, upstream_key_id = ?, served_model = ?, http_status = ?, finish_reason = ?, error_code = ?, error_message = ?,
       input_tokens = ?, cached_input_tokens = ?, output_tokens = ?, reasoning_tokens = ?, total_tokens = ?, usage_source = ?,
       duration_ms = ?, time_to_first_token_ms = ?, attempts = json_insert(attempts, '$[#]', json(?))
     where request_id = ?`,
  );

  function onAccepted(event: RequestAccepted, recorded: RecordedEvent): void {
    const { requestId, format, clientKeyId, upstreamKeyId, requestedModel } = event;
    const isStreaming = event.isStreaming ? 1 : 0;
    insertAccepted.run(
      recorded.position,
      requestId,
      format,
      clientKeyId,
      upstreamKeyId,
      requestedModel,
      isStreaming,
      recorded.occurredAt,
    );
  }

  function onAttemptFailed(event: AttemptFailed): void {
    const { attempt: number, upstreamKeyId, httpStatus, failure, durationMs } = event;
    const attempt: Attempt = { number, upstreamKeyId, httpStatus, failure, durationMs };
    addAttempt.run(upstreamKeyId, JSON.stringify(attempt), event.requestId);
  }

  function onEnded(event: Terminal): void {
    const { usage } = event;
    const view = viewOf(event);
    end.run(
      view.outcome,
      event.upstreamKeyId,
      event.servedModel,
      view.httpStatus,
      view.finishReason,
      view.errorCode,
      view.errorMessage,
      usage.inputTokens,
      usage.cachedInputTokens,
      usage.outputTokens,
      usage.reasoningTokens,
      usage.totalTokens,
      event.usageSource,
      event.durationMs,
      event.timeToFirstTokenMs,
      JSON.stringify(view.attempt),
      event.requestId,
    );
  }

  function onRejected(event: RequestRejected, recorded: RecordedEvent): void {
    const { requestId, format, clientKeyId, requestedModel, httpStatus, code, message } = event;
    insertRejected.run(
      recorded.position,
      requestId,
      format,
      clientKeyId,
      requestedModel,
      recorded.occurredAt,
      httpStatus,
      code,
      message,
    );
  }

  return {
    name: 'request',
    evolve(events) {
      for (const recorded of events) {
        const event = recorded.body;
        switch (event.type) {
          case 'RequestAccepted':
            onAccepted(event, recorded);
            break;
          case 'AttemptFailed':
            onAttemptFailed(event);
            break;
          case 'RequestCompleted':
          case 'RequestFailed':
          case 'RequestAborted':
            onEnded(event);
            break;
          case 'RequestRejected':
            onRejected(event, recorded);
        }
      }
    },
  };
}

/** How a terminal event shows in its row. */
function viewOf(event: Terminal) {
  const attempt: Attempt = {
    number: event.attempt,
    upstreamKeyId: event.upstreamKeyId,
    httpStatus: null,
    failure: null,
    durationMs: null,
  };
  switch (event.type) {
    case 'RequestCompleted': {
      const { httpStatus, finishReason } = event;
      return {
        outcome: 'SUCCEEDED',
        httpStatus,
        finishReason,
        errorCode: null,
        errorMessage: null,
        attempt: { ...attempt, httpStatus },
      };
    }
    case 'RequestFailed': {
      const { httpStatus, code, message, upstreamStatus } = event;
      const last = { ...attempt, httpStatus: upstreamStatus, failure: code };
      return {
        outcome: 'FAILED',
        httpStatus,
        finishReason: null,
        errorCode: code,
        errorMessage: message,
        attempt: last,
      };
    }
    case 'RequestAborted': {
      const outcome = event.by === 'client' ? 'CANCELLED' : 'FAILED';
      const last = { ...attempt, failure: event.by };
      return { outcome, httpStatus: null, finishReason: null, errorCode: event.by, errorMessage: null, attempt: last };
    }
  }
}
