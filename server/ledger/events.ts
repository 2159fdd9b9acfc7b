/**
 * The vocabulary of the ledger: every kind of usage event, past tense, as plain JSON data.
 * Events are never rewritten; a change of shape is a new `schema` number and a lift on reading.
 */

/** Token counts of one request; whole numbers >= 0. `inputTokens` holds the cached ones, `outputTokens` the reasoning ones. */
export interface TokenUsage {
  inputTokens: number;
  cachedInputTokens: number;
  outputTokens: number;
  reasoningTokens: number;
  totalTokens: number;
}

/** Where the numbers of a usage come from: told by Google at the end, the last seen before a break, our own estimate, or not known at all. */
export type UsageSource = 'upstream' | 'last-seen' | 'estimate' | 'unknown';

/** Where the thought signatures of a request's earlier tool calls come from; each counts once. */
export interface SignatureCounts {
  /** The client sent it back. */
  client: number;
  /** The client had dropped it, and the gateway remembered it. */
  restored: number;
  /** Nobody knew it: Google's placeholder stood in for it. */
  placeholder: number;
}

/** A request was authenticated, its first upstream key chosen; durable before the first byte goes upstream. */
export interface RequestAccepted {
  type: 'RequestAccepted';
  requestId: string;
  /** The client's own id for it, from `x-client-request-id`. */
  clientRequestId?: string;
  clientKeyId: string;
  /** The client's wire format, for example `openai-chat`. */
  format: string;
  requestedModel: string;
  /** The model id that is called upstream. */
  model: string;
  isStreaming: boolean;
  upstreamKeyId: string;
  bodyBytes: number;
  /** Absent when there were none, and in events written before they were counted. */
  signatures?: SignatureCounts;
}

/** One upstream call ended without a usable answer; durable before the next attempt. */
export interface AttemptFailed {
  type: 'AttemptFailed';
  requestId: string;
  attempt: number;
  upstreamKeyId: string;
  /** The failure class, see `pool/classify-failure.ts`. */
  failure: string;
  httpStatus: number | null;
  durationMs: number;
}

/** One of several upstream calls of a request was answered; durable before the request's terminal event, which does not repeat its usage. */
export interface AttemptSucceeded {
  type: 'AttemptSucceeded';
  requestId: string;
  attempt: number;
  upstreamKeyId: string;
  durationMs: number;
  usage: TokenUsage;
}

interface RequestEnded {
  requestId: string;
  /** Number of the last attempt, counted from 1. */
  attempt: number;
  upstreamKeyId: string;
  durationMs: number;
  /** Null when no content was seen. */
  timeToFirstTokenMs: number | null;
  servedModel: string | null;
  usage: TokenUsage;
  usageSource: UsageSource;
  /** Set when the request needed several upstream calls: each of them has been told by events of its own, with its usage. */
  calls?: number;
}

/** A usable answer was received; durable before its last byte goes to the client. */
export interface RequestCompleted extends RequestEnded {
  type: 'RequestCompleted';
  httpStatus: number;
  /** In Gemini's words, for example `STOP`. */
  finishReason: string;
}

/** All attempts are used up, or the failure cannot be retried. */
export interface RequestFailed extends RequestEnded {
  type: 'RequestFailed';
  httpStatus: number;
  /** The failure class of the last attempt, or an error code of the gateway. */
  code: string;
  message: string;
  /** Status of the last upstream answer; null when there was none. */
  upstreamStatus: number | null;
}

/** The request ended before its answer did. */
export interface RequestAborted extends RequestEnded {
  type: 'RequestAborted';
  by: 'client' | 'shutdown' | 'crash-recovery' | 'deadline';
}

/** A known caller's request was refused before anything went upstream. */
export interface RequestRejected {
  type: 'RequestRejected';
  requestId: string;
  clientRequestId?: string;
  clientKeyId: string;
  format: string;
  requestedModel: string;
  httpStatus: number;
  code: string;
  message: string;
}

export interface NodeStarted {
  type: 'NodeStarted';
  version: string;
  nodeVersion: string;
}
export interface NodeStopped {
  type: 'NodeStopped';
}

export interface ClientKeyCreated {
  type: 'ClientKeyCreated';
  clientKeyId: string;
  name: string;
  /** Patterns of the models it may use; absent for all. */
  allowedModels?: string[];
}
export interface ClientKeyUpdated {
  type: 'ClientKeyUpdated';
  clientKeyId: string;
  name: string;
  isEnabled: boolean;
  /** Patterns of the models it may use; absent for all. */
  allowedModels?: string[];
}
export interface ClientKeyDeleted {
  type: 'ClientKeyDeleted';
  clientKeyId: string;
  name: string;
}
/** What people put on a key; what there is none of is absent. */
interface UpstreamKeyMarks {
  label?: string;
  tags?: string[];
  group?: string;
  project?: string;
}
export interface UpstreamKeyAdded extends UpstreamKeyMarks {
  type: 'UpstreamKeyAdded';
  upstreamKeyId: string;
  maskedKey: string;
  source: 'ENVIRONMENT' | 'IMPORT';
}
export interface UpstreamKeyUpdated extends UpstreamKeyMarks {
  type: 'UpstreamKeyUpdated';
  upstreamKeyId: string;
  maskedKey: string;
  isEnabled: boolean;
  /** What is as usual is absent. */
  weight?: number;
  connectionsMax?: number;
  /** Told when it is set (without name and password) or taken off (null). */
  proxy?: string | null;
}
/** The proxy of a group (without name and password), or that it has none. */
export interface UpstreamKeyGroupUpdated {
  type: 'UpstreamKeyGroupUpdated';
  group: string;
  proxy: string | null;
}
/** Limits of the operator for a key, a group or a model; null for any, no limits: there are none any more. */
export interface QuotaRuleSet {
  type: 'QuotaRuleSet';
  upstreamKeyId: string | null;
  group: string | null;
  model: string | null;
  limits: Readonly<Record<string, number>>;
}
export interface UpstreamKeyDeleted {
  type: 'UpstreamKeyDeleted';
  upstreamKeyId: string;
  maskedKey: string;
}
/** Google will not accept this key again until somebody acts. */
export interface UpstreamKeyRejected {
  type: 'UpstreamKeyRejected';
  upstreamKeyId: string;
  failure: string;
  message: string;
  /** Absent in old events. */
  httpStatus?: number | null;
}
/** A key is left alone until a time (ms since 1970): for a model, or for all (null). */
export interface UpstreamKeyRested {
  type: 'UpstreamKeyRested';
  upstreamKeyId: string;
  model: string | null;
  until: number;
  failure: string;
  message: string;
  httpStatus: number | null;
}
/** Google told limits of a key's project that were not known. */
export interface UpstreamQuotasLearned {
  type: 'UpstreamQuotasLearned';
  upstreamKeyId: string;
  model: string;
  limits: { kind: string; limit: number }[];
}
/** A rejected key was proven good again. */
export interface UpstreamKeyRestored {
  type: 'UpstreamKeyRestored';
  upstreamKeyId: string;
  /** By a request that it answered, or by a check. Absent in old events. */
  by?: 'request' | 'check';
}
/** Keys were handed out in the clear. */
export interface UpstreamKeysExported {
  type: 'UpstreamKeysExported';
  count: number;
  upstreamKeyIds: string[];
}
export interface AccountCreated {
  type: 'AccountCreated';
  accountId: string;
  username: string;
}
export interface PasswordChanged {
  type: 'PasswordChanged';
  accountId: string;
}
export interface SessionCreated {
  type: 'SessionCreated';
  accountId: string;
}
export interface SessionRevoked {
  type: 'SessionRevoked';
  accountId: string;
}
export type RequestEvent =
  | RequestAccepted
  | AttemptFailed
  | AttemptSucceeded
  | RequestCompleted
  | RequestFailed
  | RequestAborted
  | RequestRejected;

export type AdminEvent =
  | ClientKeyCreated
  | ClientKeyUpdated
  | ClientKeyDeleted
  | UpstreamKeyAdded
  | UpstreamKeyUpdated
  | UpstreamKeyDeleted
  | UpstreamKeyRejected
  | UpstreamKeyGroupUpdated
  | QuotaRuleSet
  | UpstreamKeyRested
  | UpstreamQuotasLearned
  | UpstreamKeyRestored
  | UpstreamKeysExported
  | AccountCreated
  | PasswordChanged
  | SessionCreated
  | SessionRevoked;

export type UsageEventBody = RequestEvent | AdminEvent | NodeStarted | NodeStopped;

/** An event on its way into the ledger. */
export interface NewEvent {
  body: UsageEventBody;
  /** Who did it, for audit events: `account:<id>`, `environment`, `gateway` or `command-line`. Absent for request events. */
  actor?: string;
  /** When it happened, ms since 1970. */
  occurredAt: number;
}

/** An event as the ledger holds it. */
export interface RecordedEvent extends NewEvent {
  position: number;
  eventId: string;
  recordedAt: number;
}
