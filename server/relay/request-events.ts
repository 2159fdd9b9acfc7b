import type { ApiError } from '../formats/api-error.ts';
import type { TranslatedRequest } from '../formats/format.ts';
import type {
  AttemptFailed,
  AttemptSucceeded,
  Charge,
  Idempotency,
  NewEvent,
  RequestAborted,
  RequestAccepted,
  RequestCompleted,
  RequestFailed,
  RequestRejected,
  Reservation,
  Settlement,
  TokenUsage,
  UsageAdjusted,
  UsageSource,
} from '../ledger/events.ts';

/** Longer names of models are no names: the ledger has the beginning. */
export const requestedModelCharactersMax = 200;

/** What all events of one request have in common. */
export interface RequestFacts {
  requestId: string;
  clientRequestId?: string;
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
  isUsageDoubtful?: true;
  charge?: Charge;
  serviceTier?: string;
  settlements?: Settlement[];
  calls?: number;
}

/** What is fixed when a request is accepted. */
export interface Acceptance {
  bodyBytes: number;
  upstreamKeyId: string;
  promptTokens?: number;
  reservations: readonly Reservation[];
  idempotency?: Idempotency | undefined;
}

/** What became known after a request had ended: differences to what was told. */
export type Adjustment = Pick<UsageAdjusted, 'startedAt' | 'upstreamKeyId' | 'usage' | 'usageSource'> &
  Pick<Partial<UsageAdjusted>, 'charge' | 'settlements'>;

/** What there is none of is left out. */
export function accepted(
  facts: RequestFacts,
  { model, isStreaming, signatureUse }: Pick<TranslatedRequest, 'model' | 'isStreaming' | 'signatureUse'>,
  { bodyBytes, upstreamKeyId, promptTokens, reservations, idempotency }: Acceptance,
  occurredAt: number,
): NewEvent {
  const body: RequestAccepted = { type: 'RequestAccepted', ...facts, model, isStreaming, upstreamKeyId, bodyBytes };
  if (promptTokens !== undefined) body.promptTokens = promptTokens;
  if (reservations.length > 0) body.reservations = [...reservations];
  if (idempotency) body.idempotency = idempotency;
  const { client, restored, placeholder } = signatureUse;
  if (client + restored + placeholder > 0) body.signatures = signatureUse;
  return { body, occurredAt };
}

export function attemptFailed(
  facts: RequestFacts,
  more: Omit<AttemptFailed, 'type' | 'requestId'>,
  occurredAt: number,
): NewEvent {
  return { body: { type: 'AttemptFailed', requestId: facts.requestId, ...more }, occurredAt };
}

export function attemptSucceeded(
  facts: RequestFacts,
  more: Omit<AttemptSucceeded, 'type' | 'requestId'>,
  occurredAt: number,
): NewEvent {
  return { body: { type: 'AttemptSucceeded', requestId: facts.requestId, ...more }, occurredAt };
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
  { status: httpStatus, code, message }: ApiError,
  upstreamStatus: number | null,
  occurredAt: number,
): NewEvent {
  const { requestId } = facts;
  const body: RequestFailed = {
    type: 'RequestFailed',
    requestId,
    ...ending,
    httpStatus,
    code,
    message,
    upstreamStatus,
  };
  return { body, occurredAt };
}

export function aborted(facts: RequestFacts, ending: Ending, by: RequestAborted['by'], occurredAt: number): NewEvent {
  return { body: { type: 'RequestAborted', requestId: facts.requestId, ...ending, by }, occurredAt };
}

export function adjusted(
  { requestId, clientKeyId, requestedModel, format }: RequestFacts,
  adjustment: Adjustment,
  occurredAt: number,
): NewEvent {
  const about = { requestId, clientKeyId, requestedModel, format, outcome: 'CANCELLED', reason: 'drained' } as const;
  return { body: { type: 'UsageAdjusted', ...about, ...adjustment }, occurredAt };
}

export function rejected(
  facts: RequestFacts,
  more: Pick<RequestRejected, 'httpStatus' | 'code' | 'message'>,
  occurredAt: number,
): NewEvent {
  return { body: { type: 'RequestRejected', ...facts, ...more }, occurredAt };
}
