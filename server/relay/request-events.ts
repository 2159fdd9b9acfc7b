import type {
  AttemptFailed,
  NewEvent,
  RequestAborted,
  RequestAccepted,
  RequestCompleted,
  RequestFailed,
  RequestRejected,
  TokenUsage,
  UsageSource,
} from '../ledger/events.ts';

/** What all events of one request have in common. */
export interface RequestFacts {
  requestId: string;
  clientKeyId: string;
  format: string;
  requestedModel: string;
}

/** Where a request stood when it ended. */
export interface Ending {
  attempt: number;
  upstreamKeyId: string;
  durationMs: number;
  timeToFirstTokenMs: number | null;
  servedModel: string | null;
  usage: TokenUsage;
  usageSource: UsageSource;
}

export function accepted(
  facts: RequestFacts,
  more: Pick<RequestAccepted, 'model' | 'isStreaming' | 'upstreamKeyId' | 'bodyBytes'>,
  occurredAt: number,
): NewEvent {
  return { body: { type: 'RequestAccepted', ...facts, ...more }, occurredAt };
}

export function attemptFailed(
  facts: RequestFacts,
  more: Omit<AttemptFailed, 'type' | 'requestId'>,
  occurredAt: number,
): NewEvent {
  return { body: { type: 'AttemptFailed', requestId: facts.requestId, ...more }, occurredAt };
}

export function completed(facts: RequestFacts, ending: Ending, finishReason: string, occurredAt: number): NewEvent {
  const body: RequestCompleted = {
    type: 'RequestCompleted',
    requestId: facts.requestId,
    ...ending,
    httpStatus: 200,
    finishReason,
  };
  return { body, occurredAt };
}

export function failed(
  facts: RequestFacts,
  ending: Ending,
  more: Pick<RequestFailed, 'httpStatus' | 'code' | 'message' | 'upstreamStatus'>,
  occurredAt: number,
): NewEvent {
  return { body: { type: 'RequestFailed', requestId: facts.requestId, ...ending, ...more }, occurredAt };
}

export function aborted(facts: RequestFacts, ending: Ending, by: RequestAborted['by'], occurredAt: number): NewEvent {
  return { body: { type: 'RequestAborted', requestId: facts.requestId, ...ending, by }, occurredAt };
}

export function rejected(
  facts: RequestFacts,
  more: Pick<RequestRejected, 'httpStatus' | 'code' | 'message'>,
  occurredAt: number,
): NewEvent {
  return { body: { type: 'RequestRejected', ...facts, ...more }, occurredAt };
}
