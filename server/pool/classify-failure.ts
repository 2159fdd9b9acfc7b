import { objectsOf, parseError, redactKeys } from '../gemini/parse-error.ts';
import type { Repair } from '../gemini/repair-request.ts';
import type { BadAnswer } from '../gemini/tally.ts';
import { nextPacificMidnight } from './pacific-midnight.ts';
import { limitsIn, projectIn, type QuotaLimit } from './quota.ts';

export type FailureClass =
  | 'key_dead'
  | 'key_misconfigured'
  | 'key_model_denied'
  | 'key_model_day'
  | 'key_model_minute'
  | 'key_billing'
  | 'model_not_found'
  | 'model_overloaded'
  | 'resource_affinity'
  | 'region_blocked'
  | 'no_key_sent'
  | 'signature'
  | 'thinking_config'
  | 'store_field'
  | 'context_length'
  | 'bad_request'
  | 'transient'
  | BadAnswer['class'];

/** What a failure means for the key that met it. */
export type KeyAction =
  | { kind: 'none' }
  /** Out of every pick, until a time or until somebody acts (null). */
  | { kind: 'reject'; untilMs: number | null }
  /** Out of the picks for this model. */
  | { kind: 'rest-model'; untilMs: number }
  /** As before, twice as long for each time in a row. */
  | { kind: 'rest-model-longer'; firstMs: number; maxMs: number }
  /** Out of the picks for all models. */
  | { kind: 'rest-key'; untilMs: number };

/** How the request may go on. */
export type Retry =
  /** At once, with another key. */
  | 'next-key'
  /** After a pause, with another key if there is one. */
  | 'backoff'
  /** One more try in all. */
  | 'once'
  /** Once, on the same key, with a changed request. */
  | { repair: Repair }
  | 'never';

/** A failed upstream call, understood. */
export interface Failure {
  class: FailureClass;
  /** Status of Google's answer; null when there was none. */
  httpStatus: number | null;
  /** Google's words, without keys. */
  message: string;
  /** The model whose quota was hit, where Google names it: a preview or an alias shares the quota of its base model. */
  quotaModel: string | null;
  /** The limits that a refusal for a quota tells of. */
  limits: readonly QuotaLimit[];
  /** The project behind the key, where Google names it: `projects/123`. */
  project: string | null;
  /** The field of the request to Gemini that it refused, where it names one. */
  field: string | null;
  keyAction: KeyAction;
  retry: Retry;
}

/** How a call failed, as the Gemini client tells it. */
export type FailedEnd = { kind: 'error'; status: number; text: string } | { kind: 'broken'; message: string };

const hourMs = 3_600_000;
const dayMs = 24 * hourMs;
const unknownQuotaRestMs = 30_000;
const unknownQuotaRestMsMax = 600_000;
const minuteRestMsMin = 1000;
const minuteRestMsDefault = 60_000;
/** Whatever Google says to wait, a quota of minutes or a day is back by then. */
const minuteRestMsMax = dayMs;

/** A message quotes what a request says: longer ones would cost the rules their time and the ledger its space. */
const messageCharactersMax = 4000;

/** What the rules look at. */
interface Evidence {
  status: number;
  message: string;
  reason: string;
  quotaIds: string[];
  quotaModel: string | null;
  limits: QuotaLimit[];
  project: string | null;
  field: string | null;
  hasZeroQuota: boolean;
  hasQuotaFailure: boolean;
  hasRetryInfo: boolean;
  /** A page for people, by a proxy on the way. */
  isPage: boolean;
  retryDelayMs: number | null;
  debug: string;
}

interface Rule {
  matches(evidence: Evidence): boolean;
  class: FailureClass;
  act(evidence: Evidence, nowMs: number): Pick<Failure, 'keyAction' | 'retry'>;
}

const noAction = { kind: 'none' } as const;
// From their beginning: Google quotes what a request says (`Unknown name "…"`), and no client may talk a key dead with that.
const invalid = /^API key (not valid|expired|not found)/i;
const leaked = /^Your API key was reported as leaked/i;
const suspended = /^(Permission denied: )?Consumer '[^']*' has been suspended|disabled in this account/i;
const misconfiguredReasons = new Set([
  'API_KEY_SERVICE_BLOCKED',
  'SERVICE_DISABLED',
  'CONSUMER_INVALID',
  'API_KEY_HTTP_REFERRER_BLOCKED',
  'API_KEY_IP_ADDRESS_BLOCKED',
  'API_KEY_ANDROID_APP_BLOCKED',
  'API_KEY_IOS_APP_BLOCKED',
]);

/** What these mean is told by the status alone, whatever the body. */
const decidedByStatus = new Set([400, 401, 429]);

/** What a failure tells that is no error object of Google's. */
const nothingMore = { quotaModel: null, limits: [], project: null, field: null } as const;

const reject = (untilMs: number | null) => ({ keyAction: { kind: 'reject', untilMs }, retry: 'next-key' }) as const;
const restModel = (untilMs: number) => ({ keyAction: { kind: 'rest-model', untilMs }, retry: 'next-key' }) as const;
const never = () => ({ keyAction: noAction, retry: 'never' }) as const;
const backoff = () => ({ keyAction: noAction, retry: 'backoff' }) as const;
const repaired = (repair: Repair) => () => ({ keyAction: noAction, retry: { repair } }) as const;

/** What Google's errors mean; the first rule that matches decides. Texts and reasons are as recorded from the live API. */
const rules: readonly Rule[] = [
  {
    // An invalid key is answered with 400, not 401.
    matches: (e) => e.status === 400 && (/^API_KEY_(INVALID|EXPIRED)$/.test(e.reason) || invalid.test(e.message)),
    class: 'key_dead',
    act: (_e, now) => reject(now + dayMs),
  },
  {
    matches: (e) => e.status === 403 && leaked.test(e.message),
    class: 'key_dead',
    act: () => reject(null),
  },
  {
    matches: (e) => e.status === 403 && (e.reason === 'CONSUMER_SUSPENDED' || suspended.test(e.message)),
    class: 'key_dead',
    act: () => reject(null),
  },
  {
    matches: (e) => e.status === 403 && misconfiguredReasons.has(e.reason),
    class: 'key_misconfigured',
    act: (_e, now) => reject(now + dayMs),
  },
  { matches: (e) => e.status === 401, class: 'key_dead', act: (_e, now) => reject(now + dayMs) },
  { matches: (e) => e.status === 403 && /unregistered callers/i.test(e.message), class: 'no_key_sent', act: never },
  {
    matches: (e) => (e.status === 403 || e.status === 404) && /cachedContents\/|files\/|cache content/i.test(e.message),
    class: 'resource_affinity',
    act: never,
  },
  {
    matches: (e) => e.status === 403 && !e.isPage,
    class: 'key_model_denied',
    act: (_e, now) => restModel(now + dayMs),
  },
  {
    // Per project: the key of an older project may still serve the model.
    matches: (e) => e.status === 404 && /no longer available to new users/i.test(e.message),
    class: 'key_model_denied',
    act: (_e, now) => restModel(now + dayMs),
  },
  {
    matches: (e) => e.status === 404 && /is not found for API version|not supported for/i.test(e.message),
    class: 'model_not_found',
    act: (_e, now) => ({ keyAction: { kind: 'rest-model', untilMs: now + 6 * hourMs }, retry: 'once' }),
  },
  {
    matches: (e) => e.status === 429 && (e.hasZeroQuota || /limit:\s*0(?!\d|\.\d)/.test(e.message)),
    class: 'key_model_denied',
    act: (_e, now) => restModel(now + dayMs),
  },
  {
    // Before the minute's rule: a spent day also lists the minute's quotas, and its RetryInfo is a trap.
    matches: (e) =>
      e.status === 429 &&
      (e.quotaIds.some((id) => /PerDay/i.test(id)) || /quota.*(per day|daily)|(per day|daily).*quota/i.test(e.message)),
    class: 'key_model_day',
    act: (_e, now) => restModel(nextPacificMidnight(now)),
  },
  {
    matches: (e) =>
      e.status === 429 &&
      !e.hasQuotaFailure &&
      /prepayment credits|billing\b.*(depleted|not (active|enabled))|spend(ing)? cap/i.test(e.message),
    class: 'key_billing',
    act: (_e, now) => ({ keyAction: { kind: 'rest-key', untilMs: now + 6 * hourMs }, retry: 'next-key' }),
  },
  {
    matches: (e) =>
      e.status === 429 &&
      (e.reason === 'MODEL_CAPACITY_EXHAUSTED' || /high demand|overloaded|capacity/i.test(e.message)),
    class: 'model_overloaded',
    act: backoff,
  },
  {
    matches: (e) =>
      e.status === 429 && (e.hasRetryInfo || e.retryDelayMs !== null || e.quotaIds.some((id) => /PerMinute/i.test(id))),
    class: 'key_model_minute',
    act: (e, now) => restModel(now + minuteRestMs(e)),
  },
  {
    matches: (e) => e.status === 429,
    class: 'key_model_minute',
    act: () => ({
      keyAction: { kind: 'rest-model-longer', firstMs: unknownQuotaRestMs, maxMs: unknownQuotaRestMsMax },
      retry: 'next-key',
    }),
  },
  {
    matches: (e) => e.status === 400 && /User location is not supported/i.test(e.message + e.debug),
    class: 'region_blocked',
    act: never,
  },
  {
    matches: (e) => e.status === 400 && /missing an? thought.?signature/i.test(e.message),
    class: 'signature',
    act: repaired('add-signatures'),
  },
  {
    matches: (e) => e.status === 400 && /thought.?signature/i.test(e.message),
    class: 'signature',
    act: repaired('dummy-signatures'),
  },
  {
    matches: (e) => e.status === 400 && /thinking.?(level|budget)/i.test(e.message),
    class: 'thinking_config',
    act: repaired('drop-thinking'),
  },
  {
    matches: (e) => e.status === 400 && /Unknown name "store"/.test(e.message),
    class: 'store_field',
    act: repaired('drop-store'),
  },
  {
    matches: (e) => e.status === 400 && /token count .* exceeds the maximum/i.test(e.message),
    class: 'context_length',
    act: never,
  },
  { matches: (e) => e.status === 400, class: 'bad_request', act: never },
  { matches: (e) => e.isPage && !decidedByStatus.has(e.status), class: 'transient', act: backoff },
  { matches: (e) => e.status === 503, class: 'model_overloaded', act: backoff },
  { matches: (e) => [408, 409, 499, 500, 502, 504].includes(e.status), class: 'transient', act: backoff },
];

/** Understands a failed call. @param nowMs Wall clock, ms since 1970: rests end at absolute times. */
export function classifyFailure(end: FailedEnd, nowMs: number): Failure {
  if (end.kind === 'broken') {
    const message = redactKeys(end.message);
    return { class: 'transient', httpStatus: null, message, ...nothingMore, ...backoff() };
  }
  const evidence = readEvidence(end.status, end.text);
  const { status: httpStatus, message, quotaModel, limits, project, field } = evidence;
  const about = { httpStatus, message, quotaModel, limits, project, field };
  const rule = rules.find((candidate) => candidate.matches(evidence));
  if (rule) return { class: rule.class, ...about, ...rule.act(evidence, nowMs) };
  // A page of HTML, or a status nobody has seen, is the network's doing; other refusals are the request's.
  const isRequestsFault = httpStatus === 501 || (httpStatus >= 400 && httpStatus < 500);
  return isRequestsFault
    ? { class: 'bad_request', ...about, ...never() }
    : { class: 'transient', ...about, ...backoff() };
}

/**
 * For a request about a resource (a file, a cache, a film): that it is gone or of somebody else is told like a model that is denied.
 * Tried once more, and no key rests.
 */
export function blameResource(failure: Failure): Failure {
  const isDenied = failure.class === 'key_model_denied' && failure.httpStatus === 403;
  if (!isDenied && failure.httpStatus !== 404) return failure;
  return { ...failure, class: 'resource_affinity', keyAction: noAction, retry: 'once' };
}

/** For an action that the model may not have: Google tells that like a model that does not exist. Tried once more, and no key rests. */
export function blameAction(failure: Failure): Failure {
  return failure.class === 'model_not_found' ? { ...failure, keyAction: noAction } : failure;
}

/** A success by status that is no usable answer: worth one more try, on any key. */
export function failureOfAnswer({ class: name, message }: BadAnswer): Failure {
  const isBroken = name === 'stream_interrupted' || name === 'empty_response';
  const retry = isBroken ? 'backoff' : 'once';
  return { class: name, httpStatus: 200, message, ...nothingMore, keyAction: noAction, retry };
}

/**
 * When a rejection that was read back from the database ends, ms since 1970: Google takes back neither a leak nor a suspension, so
 * those wait for somebody to act (null).
 */
export function rejectionEndMs(message: string, rejectedAtMs: number): number | null {
  return leaked.test(message) || suspended.test(message) ? null : rejectedAtMs + dayMs;
}

function minuteRestMs({ retryDelayMs }: Evidence): number {
  return Math.min(minuteRestMsMax, Math.max(minuteRestMsMin, retryDelayMs ?? minuteRestMsDefault));
}

function readEvidence(status: number, text: string): Evidence {
  const error = parseError(text);
  const details = objectsOf(error?.details);
  const ofType = (name: string) => details.filter((detail) => String(detail['@type']).endsWith(`google.rpc.${name}`));
  const violations = ofType('QuotaFailure').flatMap((detail) => objectsOf(detail.violations));
  const models = violations.map(({ quotaDimensions }) => (quotaDimensions as { model?: unknown } | undefined)?.model);
  const fields = ofType('BadRequest').flatMap((detail) => objectsOf(detail.fieldViolations).map(({ field }) => field));
  const told = error?.message ?? `Gemini answered HTTP ${status} without an error object.`;
  const message = redactKeys(told.slice(0, messageCharactersMax));
  return {
    status,
    message,
    reason: String(ofType('ErrorInfo')[0]?.reason ?? ''),
    quotaIds: violations.map((violation) => String(violation.quotaId ?? '')),
    quotaModel: models.find((model) => typeof model === 'string') ?? null,
    limits: limitsIn(violations, message),
    project: projectIn((ofType('ErrorInfo')[0]?.metadata as { consumer?: unknown } | undefined)?.consumer),
    field: fields.find((field) => typeof field === 'string') ?? fieldInWords(message),
    hasZeroQuota: violations.some((violation) => violation.quotaValue === '0'),
    hasQuotaFailure: violations.length > 0,
    isPage: error === null && /^\s*</.test(text),
    hasRetryInfo: ofType('RetryInfo').length > 0,
    retryDelayMs:
      durationMs(ofType('RetryInfo')[0]?.retryDelay) ?? durationMs(/retry in ([\d.]+m?s)/i.exec(message)?.[1]),
    debug: ofType('DebugInfo')
      .map((detail) => String(detail.detail ?? ''))
      .join(' '),
  };
}

/** What is refused by its name only. */
function fieldInWords(message: string): string | null {
  return /^Logprobs is not enabled/i.test(message) ? 'generation_config.response_logprobs' : null;
}

/** `"34.4s"` or `"250ms"` in ms. */
function durationMs(value: unknown): number | null {
  const [, amount, unit] = /^([\d.]+)(ms|s)$/.exec(String(value ?? '')) ?? [];
  const number = Number(amount);
  return unit && Number.isFinite(number) ? Math.ceil(unit === 's' ? number * 1000 : number) : null;
}
