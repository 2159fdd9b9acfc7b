import { MinuteWindow } from '../ledger/minute-window.ts';
import type { Rest } from './choose-key.ts';
import { KnownQuota } from './known-quota.ts';
import { nextPacificMidnight } from './pacific-midnight.ts';
import type { QuotaKind, QuotaLimit } from './quota.ts';

/** Limits that the operator sets; Google's hold beside them. */
export type QuotaCaps = Readonly<Partial<Record<QuotaKind, number>>>;

/** A quota, and what is used of it now. */
export interface QuotaUse extends QuotaLimit {
  used: number;
}

const kinds: readonly QuotaKind[] = ['requests-per-minute', 'tokens-per-minute', 'requests-per-day', 'tokens-per-day'];

/** The limits that Google told of each kind, whosever they are: there is one for each tier. */
export type TierLimits = Partial<Record<QuotaKind, readonly number[]>>;

const noLimits: TierLimits = {};

/** What a quota is taken for until Google tells it: about the smallest there are, so that new keys are tried with care. */
const supposed: Readonly<Record<QuotaKind, number>> = {
  'requests-per-minute': 10,
  'tokens-per-minute': 250_000,
  'requests-per-day': 250,
  'tokens-per-day': 10_000_000,
};
/** Without being known, so much of what is supposed is not worth a thought. */
const harmless = 0.25;

/** Near the limit of another project, one call at a time finds out whether it holds here too. */
const nearLimit = { from: 0.9, to: 1.2 };
/** So much of a limit in tokens is planned with: what is in flight is only estimated. */
const certainTokens = 0.95;
/** A refusal comes at once: after so long, what was tried has succeeded. */
const trialMs = 1000;
/** Before it has counted for so long, a meter does not know what we used ourselves. */
const blindMs = 65_000;

/** What one project has used of one model lately, and what is known of its quotas. Pure but for itself: the clock is passed in. */
export class QuotaMeter {
  readonly #minute = new MinuteWindow();
  #countsSinceMs = 0;
  #dayEndsMs = 0;
  #requestsToday = 0;
  #tokensToday = 0;
  /** In the order of `kinds`. */
  readonly #known: (KnownQuota | null)[] = [null, null, null, null];
  /** The most of a minute's requests and tokens that calls were answered at. */
  readonly #proven = [0, 0];
  /** When the newest call was made that may be refused, ms since 1970. */
  #trialAtMs = 0;
  #lastServedMs = 0;
  /** The last call was refused for long: whether that is over, one call at a time finds out. */
  #isOnProbation = false;
  readonly #others: TierLimits;

  /** @param others The limits that other projects have for the model. */
  constructor(others: TierLimits = noLimits) {
    this.#others = others;
  }

  /** Brings the counts up to now; to be called before anything is asked. @param nowMs Wall clock, ms since 1970. */
  advance(nowMs: number): void {
    this.#minute.advance(nowMs);
    this.#countsSinceMs ||= nowMs;
    if (nowMs < this.#dayEndsMs) return;
    this.#dayEndsMs = nextPacificMidnight(nowMs);
    this.#requestsToday = 0;
    this.#tokensToday = 0;
  }

  /** When the newest call that was answered began, ms since 1970; 0: none was. */
  get lastServedMs(): number {
    return this.#lastServedMs;
  }

  get requestsToday(): number {
    return this.#requestsToday;
  }

  /** What keeps one more request back, and until when; null when there is room. @param tokens Of its prompt, about. */
  hold(tokens: number, caps: QuotaCaps | null, nowMs: number): Rest | null {
    const { requests, tokens: used } = this.#minute;
    const requestsMax = this.#ceiling(0, caps, nowMs);
    const tokensMax = this.#ceiling(1, caps, nowMs) * certainTokens;
    const isDaySpent =
      this.#requestsToday >= this.#ceiling(2, caps, nowMs) ||
      (this.#tokensToday > 0 && this.#tokensToday + tokens > this.#ceiling(3, caps, nowMs));
    if (isDaySpent) return { untilMs: this.#dayEndsMs, reason: 'key_model_day' };
    if (requests >= requestsMax) return this.#untilDownTo(requestsMax - 1, 'requests');
    // What alone is more than a minute grants is for Google to judge.
    if (used > 0 && used + tokens > tokensMax) return this.#untilDownTo(Math.max(0, tokensMax - tokens), 'tokens');
    const trialEndsMs = this.#trialAtMs + trialMs;
    if (nowMs < trialEndsMs && this.#isDoubtful(nowMs)) return { untilMs: trialEndsMs, reason: 'key_model_minute' };
    return null;
  }

  /** How much of the scarcest quota is used, 0 to 1 and above. */
  usedShare(caps: QuotaCaps | null, nowMs: number): number {
    let most = nowMs - this.#trialAtMs < trialMs ? 1 : 0;
    for (let index = 0; index < kinds.length; index++) {
      const used = this.#used(index);
      if (used > 0) most = Math.max(most, used / this.#granted(index, caps, nowMs));
    }
    return most;
  }

  /** Counts a request that is about to be made. @returns where it was counted, for `giveBack` and `settle`. */
  take(tokens: number, nowMs: number): number {
    if (this.#isDoubtful(nowMs)) this.#trialAtMs = nowMs;
    this.#requestsToday++;
    this.#tokensToday += tokens;
    const slot = this.#minute.add(1, tokens);
    if (this.#isBeyondProven(0) || this.#isBeyondProven(1)) this.#trialAtMs = nowMs;
    return slot;
  }

  /** What was counted was refused, or not called: it used nothing, and finds out nothing more. */
  giveBack(slot: number, tokens: number): void {
    this.#trialAtMs = 0;
    this.#requestsToday = Math.max(0, this.#requestsToday - 1);
    this.#tokensToday = Math.max(0, this.#tokensToday - tokens);
    this.#minute.correct(slot, -1, -tokens);
  }

  /** Google refused, not only for a minute or so. */
  putOnProbation(): void {
    this.#isOnProbation = true;
  }

  /** The call was answered. @param more Tokens than were counted; negative for less. */
  settle(slot: number, more: number, begunAtMs: number): void {
    this.#isOnProbation = false;
    this.#lastServedMs = Math.max(this.#lastServedMs, begunAtMs);
    for (const index of [0, 1]) this.#proven[index] = Math.max(this.#proven[index] as number, this.#used(index));
    this.#tokensToday = Math.max(0, this.#tokensToday + more);
    this.#minute.correct(slot, 0, more);
  }

  /**
   * Takes in what a refusal told.
   * @param hit The quota that was used up; null when that is not known.
   * @returns whether somebody else uses that quota too.
   */
  learn(limits: readonly QuotaLimit[], hit: QuotaKind | null, nowMs: number): boolean {
    for (const { kind, limit } of limits) this.#know(kinds.indexOf(kind)).learnLimit(limit, nowMs);
    if (hit === null || nowMs - this.#countsSinceMs < blindMs) return false;
    const index = kinds.indexOf(hit);
    return this.#know(index).noteRefusal(this.#used(index), this.#ownPart(nowMs) < 1, nowMs);
  }

  /** What another one counted was of the same project: who shared the quotas is one of us now. */
  takeIn(other: QuotaMeter, nowMs: number): void {
    this.advance(nowMs);
    other.advance(nowMs);
    this.#minute.takeIn(other.#minute);
    this.recall(other.#requestsToday, other.#tokensToday);
    this.learn(other.uses(nowMs), null, nowMs);
    for (const known of this.#known) known?.forgetShare();
  }

  /** Requests of earlier today, after a restart. */
  recall(requests: number, tokens: number): void {
    this.#requestsToday += requests;
    this.#tokensToday += tokens;
  }

  /** The quotas of which Google told the limit, and what is used of them. */
  uses(nowMs: number): QuotaUse[] {
    return kinds.flatMap((kind, index) => {
      const limit = this.#known[index]?.limit(nowMs) ?? Infinity;
      return limit < Infinity ? [{ kind, limit, used: this.#used(index) }] : [];
    });
  }

  /** More than this is not asked for. How a day's quota is shared changes from day to day: it is for Google to say when it is used up. */
  #ceiling(index: number, caps: QuotaCaps | null, nowMs: number): number {
    const known = this.#known[index];
    const cap = caps?.[kinds[index] as QuotaKind] ?? Infinity;
    if (!known) return cap;
    return Math.min(cap, isOfDay(index) ? known.limit(nowMs) : known.ceiling(nowMs));
  }

  /** What is probably granted. */
  #granted(index: number, caps: QuotaCaps | null, nowMs: number): number {
    const told = this.#known[index]?.granted(nowMs) ?? Infinity;
    const granted = told < Infinity ? told : Math.max(supposed[kinds[index] as QuotaKind], 2 * this.#used(index));
    return Math.min(granted, caps?.[kinds[index] as QuotaKind] ?? Infinity);
  }

  /** One more may be refused: others use the quota too, or it may be as small as theirs. */
  #isDoubtful(nowMs: number): boolean {
    if (this.#isOnProbation) return true;
    const ownPart = this.#ownPart(nowMs);
    for (let index = 0; index < kinds.length; index++) {
      const known = this.#known[index];
      const used = this.#used(index);
      // Who shares the day shares the minute.
      const part = isOfDay(index) ? 1 : ownPart;
      if (known ? used >= known.granted(nowMs) * part : this.#isNearOthers(index, used)) return true;
    }
    return false;
  }

  /** Of the day's requests, what part was ours when they were used up. */
  #ownPart(nowMs: number): number {
    return this.#known[2]?.ownPart(nowMs) ?? 1;
  }

  #isNearOthers(index: number, used: number): boolean {
    const limits = this.#others[kinds[index] as QuotaKind];
    if (limits === undefined || used < (this.#proven[index] ?? 0)) return false;
    return limits.some((limit) => used >= limit * nearLimit.from && used <= limit * nearLimit.to);
  }

  /** Nobody knows the quota, and so much was not used before. */
  #isBeyondProven(index: 0 | 1): boolean {
    const least = supposed[kinds[index] as QuotaKind] * harmless;
    return this.#known[index] === null && this.#used(index) > Math.max(this.#proven[index] as number, least);
  }

  #used(index: number): number {
    if (index === 0) return this.#minute.requests;
    if (index === 1) return this.#minute.tokens;
    return index === 2 ? this.#requestsToday : this.#tokensToday;
  }

  #untilDownTo(count: number, of: 'requests' | 'tokens'): Rest {
    return { untilMs: this.#minute.whenDownTo(count, of), reason: 'key_model_minute' };
  }

  #know(index: number): KnownQuota {
    const known = this.#known[index] ?? new KnownQuota();
    this.#known[index] = known;
    return known;
  }
}

function isOfDay(index: number): boolean {
  return index > 1;
}
