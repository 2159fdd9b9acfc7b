import type { Reservation } from '../../ledger/events.ts';
import type { MinuteWindow } from '../../ledger/minute-window.ts';
import { matchesPattern } from '../../models/model-pattern.ts';
import type { Budget, ClientTerms } from './terms.ts';

/** What a request may need, as far as that is known before it is made. */
export interface Need {
  /** The model as the caller wrote it, and the id that is called. */
  models: readonly string[];
  /** About, of all its calls. */
  promptTokens: number;
  /** More it cannot be. */
  promptTokensMax: number;
  /** What the caller lets the model answer, or else what the model can, over all its calls and candidates; null: it cannot be bounded. */
  outputTokensMax: number | null;
  /** By how much an answer grows when its limit grows by one token: by the number of its candidates. */
  outputFactor: number;
  /** The most that so many tokens can cost, picodollars; null when no price is known. */
  costAtMost(tokens: { inputTokens: number; outputTokens: number }): bigint | null;
}

/** What of a budget is taken in its current period. */
export interface BudgetState {
  budget: Budget;
  periodStart: number;
  /** End of the period, ms since 1970; infinite for a budget for good. */
  periodEnd: number;
  spent: bigint;
  reserved: bigint;
}

/** What is counted for a client key now. */
export interface ClientUse {
  window: MinuteWindow;
  inFlight: number;
  budgets: readonly BudgetState[];
}

export type Decision =
  | { kind: 'admitted'; reservations: Reservation[]; tokens: number; outputTokensMax: number | null }
  | Refusal;

/** `retryAfterMs` null: waiting does not help. */
export interface Refusal {
  kind: 'refused';
  code: 'rate_limit_exceeded' | 'insufficient_quota' | 'model_not_priced' | 'usage_not_bounded';
  message: string;
  retryAfterMs: number | null;
}

/** An answer that has to be shorter than this is not worth making; shorter ones are cut only if their caller wants them so. */
const usefulAnswerTokens = 1024;
/** What an answer is held to need while nothing binds it. */
const usualAnswerTokens = 1000;
const concurrencyRetryMs = 1000;

/** Whether a request may be made now, and what is reserved for it. Pure: `use` is only read. */
export function admit(terms: ClientTerms, use: ClientUse, need: Need, nowMs: number): Decision {
  const tokens = need.promptTokens + Math.min(need.outputTokensMax ?? usualAnswerTokens, usualAnswerTokens);
  const refusal = rateRefusal(terms, use, tokens, nowMs);
  if (refusal) return refusal;
  const applicable = use.budgets.filter(({ budget }) => appliesTo(budget, need));
  const outputTokensMax = affordableOutput(applicable, need, nowMs);
  if (typeof outputTokensMax === 'object' && outputTokensMax !== null) return outputTokensMax;
  const reservations: Reservation[] = [];
  for (const state of applicable) {
    const reservation = reserve(state, { ...need, outputTokensMax }, tokens, nowMs);
    if ('kind' in reservation) return reservation;
    reservations.push(reservation);
  }
  const isCut = outputTokensMax !== null && outputTokensMax !== need.outputTokensMax;
  return { kind: 'admitted', reservations, tokens, outputTokensMax: isCut ? outputTokensMax : null };
}

function appliesTo({ model }: Budget, { models }: Need): boolean {
  return model === null || models.some((name) => matchesPattern(model, name));
}

function rateRefusal(
  terms: ClientTerms,
  { window, inFlight }: ClientUse,
  tokens: number,
  nowMs: number,
): Refusal | null {
  const { requestsPerMinute, tokensPerMinute, concurrentRequests } = terms;
  const refused = (message: string, retryAfterMs: number | null): Refusal => {
    return { kind: 'refused', code: 'rate_limit_exceeded', message, retryAfterMs };
  };
  const untilDownTo = (count: number, of: 'requests' | 'tokens') => Math.max(1, window.whenDownTo(count, of) - nowMs);
  if (concurrentRequests !== null && inFlight >= concurrentRequests)
    return refused(
      `This client key may have ${concurrentRequests} request(s) at the same time. Wait for one to end.`,
      concurrencyRetryMs,
    );
  if (requestsPerMinute !== null && window.requests >= requestsPerMinute) {
    const waitMs = untilDownTo(requestsPerMinute - 1, 'requests');
    return refused(`This client key may make ${requestsPerMinute} request(s) per minute. ${tryAgain(waitMs)}`, waitMs);
  }
  if (tokensPerMinute === null) return null;
  if (tokens > tokensPerMinute)
    return refused(
      `The request needs about ${tokens} tokens; this client key may use ${tokensPerMinute} per minute.`,
      null,
    );
  if (window.tokens + tokens <= tokensPerMinute) return null;
  const waitMs = untilDownTo(tokensPerMinute - tokens, 'tokens');
  return refused(`This client key may use ${tokensPerMinute} tokens per minute. ${tryAgain(waitMs)}`, waitMs);
}

/** The length of answer that every strict budget can pay for; null when there is none to pay for it. */
function affordableOutput(states: readonly BudgetState[], need: Need, nowMs: number): number | null | Refusal {
  let affordable = need.outputTokensMax;
  for (const { budget, ...state } of states) {
    if (!budget.isStrict || budget.unit === 'REQUESTS') continue;
    if (need.outputTokensMax === null)
      return {
        kind: 'refused',
        code: 'usage_not_bounded',
        message: 'This client key has a strict budget, and what this call will use cannot be bounded beforehand.',
        retryAfterMs: null,
      };
    const left = BigInt(budget.limit) - state.spent - state.reserved;
    const most = budget.unit === 'TOKENS' ? left - BigInt(need.promptTokensMax) : outputForMoney(left, need);
    if (most === null) return notPriced(need);
    // A limit counts for each candidate, so what is left over by the division is not used.
    const whole = most - (most % BigInt(need.outputFactor));
    if (whole < BigInt(Math.min(need.outputTokensMax, usefulAnswerTokens)))
      return exhausted({ budget, ...state }, nowMs);
    if (whole < BigInt(affordable as number)) affordable = Number(whole);
  }
  return affordable;
}

/** How many tokens of answer an amount pays for, after the prompt; null without a price. */
function outputForMoney(
  left: bigint,
  { promptTokensMax: inputTokens, outputTokensMax, costAtMost }: Need,
): bigint | null {
  const outputTokens = outputTokensMax ?? 0;
  const prompt = costAtMost({ inputTokens, outputTokens: 0 });
  const whole = costAtMost({ inputTokens, outputTokens });
  if (prompt === null || whole === null) return null;
  if (whole <= left) return BigInt(outputTokens);
  if (prompt > left) return -1n;
  // Costs grow evenly with the tokens; rounded up, for each to be paid in full.
  const perToken = (whole - prompt + BigInt(outputTokens) - 1n) / BigInt(outputTokens || 1);
  return perToken === 0n ? BigInt(outputTokens) : (left - prompt) / perToken;
}

function reserve(state: BudgetState, need: Need, usualTokens: number, nowMs: number): Reservation | Refusal {
  const { budget, periodStart, spent, reserved } = state;
  const { id: budgetId, unit, isStrict, limit } = budget;
  const amount = isStrict ? atMost(unit, need) : usual(unit, need, usualTokens);
  if (amount === null) return notPriced(need);
  const taken = spent + reserved;
  // A soft budget lets the last request begin, whatever it will use: it is passed by what is in flight then, and by no more.
  if (isStrict ? taken + amount > BigInt(limit) : taken >= BigInt(limit)) return exhausted(state, nowMs);
  return { budgetId, unit, periodStart, amount: String(amount), strictLimit: isStrict ? limit : null };
}

function atMost(unit: Budget['unit'], { promptTokensMax, outputTokensMax, costAtMost }: Need): bigint | null {
  const outputTokens = outputTokensMax ?? 0;
  if (unit === 'REQUESTS') return 1n;
  if (unit === 'TOKENS') return BigInt(promptTokensMax + outputTokens);
  return costAtMost({ inputTokens: promptTokensMax, outputTokens });
}

/** What is not priced is not counted in dollars by a soft budget: the request says that it has no price. */
function usual(unit: Budget['unit'], { promptTokens, costAtMost }: Need, tokens: number): bigint {
  if (unit === 'REQUESTS') return 1n;
  if (unit === 'TOKENS') return BigInt(tokens);
  return costAtMost({ inputTokens: promptTokens, outputTokens: tokens - promptTokens }) ?? 0n;
}

function exhausted({ budget, periodEnd }: BudgetState, nowMs: number): Refusal {
  const { period, timeZone, model } = budget;
  const where = model === null ? '' : ` for ${model}`;
  const isForGood = period === 'LIFETIME';
  const until = isForGood ? 'It does not begin anew.' : `It begins anew at ${new Date(periodEnd).toISOString()}.`;
  const message = `The ${periodNames[period]} budget of this client key${where} (${amountOf(budget)}${isForGood ? '' : `, ${timeZone}`}) does not pay for this request any more. ${until}`;
  return {
    kind: 'refused',
    code: 'insufficient_quota',
    message,
    retryAfterMs: isForGood ? null : Math.max(1, periodEnd - nowMs),
  };
}

const periodNames = { DAY: 'daily', WEEK: 'weekly', MONTH: 'monthly', LIFETIME: 'lifetime' } as const;

function amountOf({ unit, limit }: Budget): string {
  return unit === 'USD' ? `$${Number(BigInt(limit) / 1_000_000n) / 1_000_000}` : `${limit} ${unit.toLowerCase()}`;
}

function notPriced({ models }: Need): Refusal {
  const message = `This client key has a budget in dollars, and no price is known for ${models.at(-1)}. Set one on the page of prices.`;
  return { kind: 'refused', code: 'model_not_priced', message, retryAfterMs: null };
}

function tryAgain(waitMs: number): string {
  return `Please try again in ${Math.ceil(waitMs / 1000)}s.`;
}
