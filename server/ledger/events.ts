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
  /** Parts of the sums above that are not text, by modality in Gemini's words (`AUDIO`); absent when all is text or nothing was told. */
  modalities?: ModalityTokens;
}

export interface ModalityTokens {
  input?: Readonly<Record<string, number>>;
  cachedInput?: Readonly<Record<string, number>>;
  output?: Readonly<Record<string, number>>;
}

/**
 * Where the numbers of a usage come from: told by Google at the end, the last seen before a break, counted by Google's `countTokens`,
 * estimated by us, taken from the reservation after a crash, or not known at all. `estimate` is what old events say for `estimated`.
 */
export type UsageSource = 'upstream' | 'last-seen' | 'counted' | 'estimated' | 'reserved' | 'unknown' | 'estimate';

/** What a usage costs, priced once, when it was recorded. */
export interface Charge {
  /** Whole picodollars as text: JSON has no integers of that size. */
  costPico: string;
  /** The version of the price. */
  priceId: string;
}

/** What a budget counts. */
export type BudgetUnit = 'REQUESTS' | 'TOKENS' | 'USD';

/** A part of a budget that a request holds until it ends. Amounts are whole numbers as text: tokens, requests or picodollars. */
export interface Reservation {
  budgetId: string;
  unit: BudgetUnit;
  /** Start of the budget's period, ms since 1970. */
  periodStart: number;
  amount: string;
  /** Above which nothing more may be reserved, whatever runs at the same time; null for a soft budget. */
  strictLimit: string | null;
}

/** What becomes of a reservation: it is given back, and what was really used is taken. */
export interface Settlement {
  budgetId: string;
  periodStart: number;
  reserved: string;
  spent: string;
}

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
  /** About how many tokens its prompt has. Absent in old events. */
  promptTokens?: number;
  /** Absent for a client key without budgets. */
  reservations?: Reservation[];
  /** Of a request that came with an `Idempotency-Key`. */
  idempotency?: Idempotency;
}

/** Keyed hashes, so that neither the client's key nor the body can be guessed at. */
export interface Idempotency {
  keyHash: string;
  bodyHash: string;
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
  /** Absent when it used nothing. */
  usage?: TokenUsage;
  charge?: Charge;
}

/** One of several upstream calls of a request was answered; durable before the request's terminal event, which does not repeat its usage. */
export interface AttemptSucceeded {
  type: 'AttemptSucceeded';
  requestId: string;
  attempt: number;
  upstreamKeyId: string;
  durationMs: number;
  usage: TokenUsage;
  /** Absent when no price is known. */
  charge?: Charge;
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
  /** Google told numbers that cannot be, or whose parts do not make up their sum. */
  isUsageDoubtful?: true;
  /** Absent when no price is known, or when nothing was used. */
  charge?: Charge;
  /** Google's tier that served it, when it was not the standard one. */
  serviceTier?: string;
  /** One for each of its reservations. */
  settlements?: Settlement[];
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

/** The truth about a request's usage became known after it had ended. Amounts are differences, and may be negative. */
export interface UsageAdjusted {
  type: 'UsageAdjusted';
  requestId: string;
  reason: 'drained';
  /** Where it was counted. */
  startedAt: number;
  clientKeyId: string;
  upstreamKeyId: string;
  requestedModel: string;
  format: string;
  outcome: 'SUCCEEDED' | 'FAILED' | 'CANCELLED';
  usage: TokenUsage;
  /** Of the usage as it is now. */
  usageSource: UsageSource;
  /** The difference of the cost, and the price that holds now. */
  charge?: Charge;
  settlements?: Settlement[];
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
  /** Absent in old events. */
  sqliteVersion?: string;
}
export interface NodeStopped {
  type: 'NodeStopped';
}

/** What people set of a client key beside its name; what is as usual is absent. */
interface ClientKeyTerms {
  /** Patterns of the models it may use; absent for all. */
  allowedModels?: string[];
  /** Ends of its validity, ms since 1970. */
  expiresAt?: number;
  /** CIDR ranges it may be used from. */
  allowedAddresses?: string[];
  /** Browser origins that may use it. */
  allowedOrigins?: string[];
  requestsPerMinute?: number;
  tokensPerMinute?: number;
  concurrentRequests?: number;
  budgets?: BudgetTerms[];
}

/** A budget of a client key. */
export interface BudgetTerms {
  id: string;
  unit: BudgetUnit;
  /** Whole number as text: requests, tokens or picodollars. */
  limit: string;
  period: 'DAY' | 'WEEK' | 'MONTH' | 'LIFETIME';
  /** IANA name of the zone in which the period is cut. */
  timeZone: string;
  isStrict: boolean;
  /** Pattern of the models that it is about; null for all. */
  model: string | null;
}

export interface ClientKeyCreated extends ClientKeyTerms {
  type: 'ClientKeyCreated';
  clientKeyId: string;
  name: string;
}
export interface ClientKeyUpdated extends ClientKeyTerms {
  type: 'ClientKeyUpdated';
  clientKeyId: string;
  name: string;
  isEnabled: boolean;
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
/** A model has a new price. */
export interface PriceSet {
  type: 'PriceSet';
  priceId: string;
  model: string;
  /** From when on it holds, ms since 1970. */
  from: number;
  /** US dollars per million tokens. */
  rates: object;
  longContext: { aboveTokens: number; rates: object } | null;
  tierPercents: Readonly<Record<string, number>>;
  source: string;
}

/** Requests of a model in a range of time have another price than the one they were recorded with; their own events stay as they are. */
export interface UsageRepriced {
  type: 'UsageRepriced';
  model: string;
  /** Of requests that began from here on, ms since 1970. */
  from: number;
  /** End of the range, not part of it. */
  to: number;
  priceId: string;
  requests: RepricedRequest[];
}

/** One of them, and where it was counted. */
export interface RepricedRequest {
  requestId: string;
  startedAt: number;
  clientKeyId: string;
  upstreamKeyId: string;
  requestedModel: string;
  format: string;
  outcome: 'SUCCEEDED' | 'FAILED' | 'CANCELLED';
  /** Picodollars as text. */
  costPicoBefore: string;
  costPico: string;
  /** Its calls that had no price before. */
  unpricedCalls: number;
}

/** A day (UTC) is over: what the ledger held by then is signed. */
export interface DaySealed {
  type: 'DaySealed';
  /** For example `2026-11-25`. */
  day: string;
  fromPosition: number;
  /** The last event of the day; `fromPosition - 1` for a day without any. */
  toPosition: number;
  /** Chain hash at `toPosition`, in hex. */
  headHash: string;
  /** Sums over the requests that were accepted on that day, as far as they had ended when it was sealed. */
  requests: number;
  totalTokens: number;
  costPico: string;
  /** HMAC-SHA-256 over the fields above, in base64url, with a key that is not in the database. */
  signature: string;
}

/** Sealed events were moved out of the database, into a file. */
export interface EventsArchived {
  type: 'EventsArchived';
  fromPosition: number;
  toPosition: number;
  /** Name of the file in the archive folder. */
  file: string;
  /** Of the file, in hex. */
  sha256: string;
  /** Chain hash at `toPosition`, in hex. */
  headHash: string;
}

export type RequestEvent =
  | RequestAccepted
  | AttemptFailed
  | AttemptSucceeded
  | RequestCompleted
  | RequestFailed
  | RequestAborted
  | UsageAdjusted
  | RequestRejected;

export type AdminEvent =
  | PriceSet
  | UsageRepriced
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

export type LedgerEvent = NodeStarted | NodeStopped | DaySealed | EventsArchived;

export type UsageEventBody = RequestEvent | AdminEvent | LedgerEvent;

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
