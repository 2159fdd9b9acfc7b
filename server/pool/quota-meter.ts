import type { Rest } from './choose-key.ts';
import { MinuteWindow } from './minute-window.ts';
import { nextPacificMidnight } from './pacific-midnight.ts';
import type { QuotaKind, QuotaLimit } from './quota.ts';

/** Limits that the operator sets; Google's hold beside them. */
export type QuotaCaps = Readonly<Partial<Record<QuotaKind, number>>>;

/** A quota, and what is used of it now. */
export interface QuotaUse extends QuotaLimit {
  used: number;
}

/** What is known of one quota. */
interface Known {
  /** As Google told it; null: not yet. */
  limit: number | null;
  /** What was left for us when Google refused although we were below the limit: others use it too. Null: all of it. */
  share: number | null;
  /** When they were learned, ms since 1970. */
  learnedAtMs: number;
  sharedAtMs: number;
}

const kinds: readonly QuotaKind[] = ['requests-per-minute', 'tokens-per-minute', 'requests-per-day', 'tokens-per-day'];

const dayMs = 86_400_000;
/** Quotas change with the tier: after so long, Google is asked anew. */
const knownMsMax = 7 * dayMs;
/** A share grows back by one part of the limit in so long a time, as whoever else used it may have stopped. */
const shareGrowthMs = 2 * dayMs;
const shareGrowthParts = 20;

/** Of what was used at a refusal below the limit so much is kept to: others use the quota as well, now more, now less. */
const keptShare = 0.95;

/** So much of a limit in tokens is planned with: what is in flight is only estimated. */
const certainTokens = 0.95;

/** A refusal comes at once: after so long, what was dared has succeeded. */
const refusalMsMax = 1000;

/** What a quota is taken for until Google tells it: about the smallest there are, so that new keys are tried with care. */
const supposed: Readonly<Record<QuotaKind, number>> = {
  'requests-per-minute': 10,
  'tokens-per-minute': 250_000,
  'requests-per-day': 250,
  'tokens-per-day': 10_000_000,
};

/** What one project has used of one model lately, and what is known of its quotas. Pure but for itself: the clock is passed in. */
export class QuotaMeter {
  readonly #minute = new MinuteWindow();
  #dayEndsMs = 0;
  #requestsToday = 0;
  #tokensToday = 0;
  readonly #known: (Known | null)[] = [null, null, null, null];
  /** The most of a minute's quotas that calls were answered at: what goes beyond it may be refused. */
  #provenRequests = 0;
  #provenTokens = 0;
  /** Since when a call is out that went beyond it, ms since 1970. */
  #daredAtMs = 0;

  /** Brings the counts up to now; to be called before anything is asked. @param nowMs Wall clock, ms since 1970. */
  advance(nowMs: number): void {
    this.#minute.advance(nowMs);
    if (nowMs < this.#dayEndsMs) return;
    this.#dayEndsMs = nextPacificMidnight(nowMs);
    this.#requestsToday = 0;
    this.#tokensToday = 0;
  }

  get requestsToday(): number {
    return this.#requestsToday;
  }

  /** What keeps one more request back, and until when; null when there is room. @param tokens Of its prompt, about. */
  hold(tokens: number, caps: QuotaCaps | null, nowMs: number): Rest | null {
    const { requests, tokens: used } = this.#minute;
    const requestsMax = this.#ceiling(0, caps, nowMs);
    const tokensMax = this.#ceiling(1, caps, nowMs) * certainTokens;
    if (this.#requestsToday >= this.#ceiling(2, caps, nowMs) || this.#isOver(this.#tokensToday, tokens, 3, caps, nowMs))
      return { untilMs: this.#dayEndsMs, reason: 'key_model_day' };
    if (requests >= requestsMax) return this.#untilDownTo(requestsMax - 1, 'requests');
    // What alone is more than a minute grants is for Google to judge.
    if (used > 0 && used + tokens > tokensMax) return this.#untilDownTo(Math.max(0, tokensMax - tokens), 'tokens');
    return null;
  }

  /** How much of the scarcest quota is used, 0 to 1 and above. */
  usedShare(caps: QuotaCaps | null, nowMs: number): number {
    let most = 0;
    for (let index = 0; index < kinds.length; index++) {
      const used = this.#used(index);
      if (used === 0) continue;
      const granted = Math.min(this.#granted(index, nowMs), caps?.[kinds[index] as QuotaKind] ?? Infinity);
      most = Math.max(most, used / granted);
    }
    return nowMs - this.#daredAtMs < refusalMsMax ? most + 1 : most;
  }

  /** Counts a request that is about to be made. @returns where it was counted, for `giveBack` and `settle`. */
  take(tokens: number, nowMs: number): number {
    this.#requestsToday++;
    this.#tokensToday += tokens;
    const slot = this.#minute.add(1, tokens);
    if (this.#isDaring()) this.#daredAtMs = nowMs;
    return slot;
  }

  /** Google refused what was counted: it used nothing. */
  giveBack(slot: number, tokens: number): void {
    this.#requestsToday = Math.max(0, this.#requestsToday - 1);
    this.#tokensToday = Math.max(0, this.#tokensToday - tokens);
    this.#minute.correct(slot, -1, -tokens);
  }

  /** The call was answered. @param more Tokens than were counted; negative for less. */
  settle(slot: number, more: number): void {
    this.#provenRequests = Math.max(this.#provenRequests, this.#minute.requests);
    this.#provenTokens = Math.max(this.#provenTokens, this.#minute.tokens);
    this.#tokensToday = Math.max(0, this.#tokensToday + more);
    this.#minute.correct(slot, 0, more);
  }

  /** Takes in what a refusal told. @param hit The quota that was used up; null when that is not known. */
  learn(limits: readonly QuotaLimit[], hit: QuotaKind | null, nowMs: number): void {
    for (const { kind, limit } of limits) this.#know(kinds.indexOf(kind), nowMs).limit = limit;
    if (hit === null) return;
    const index = kinds.indexOf(hit);
    const known = this.#know(index, nowMs);
    const used = this.#used(index);
    known.share = known.limit !== null && used >= known.limit ? null : Math.max(1, Math.floor(used * keptShare));
    known.sharedAtMs = nowMs;
  }

  /** Requests of earlier today, after a restart. */
  recall(requests: number, tokens: number): void {
    this.#requestsToday += requests;
    this.#tokensToday += tokens;
  }

  /** The quotas of which Google told the limit, and what is used of them. */
  uses(nowMs: number): QuotaUse[] {
    return kinds.flatMap((kind, index) => {
      const limit = this.#fresh(index, nowMs)?.limit;
      return limit ? [{ kind, limit, used: this.#used(index) }] : [];
    });
  }

  /** More than this is not asked for. */
  #ceiling(index: number, caps: QuotaCaps | null, nowMs: number): number {
    const known = this.#fresh(index, nowMs);
    const cap = caps?.[kinds[index] as QuotaKind] ?? Infinity;
    if (!known) return cap;
    // How a day's quota is shared changes from day to day: it is for Google to say when it is used up.
    const isOfDay = index > 1;
    return Math.min(cap, known.limit ?? Infinity, isOfDay ? Infinity : shareNow(known, nowMs));
  }

  #isDaring(): boolean {
    const { requests, tokens } = this.#minute;
    const isNewTo = (index: number, used: number, proven: number) =>
      this.#known[index] === null && used > Math.max(proven, supposed[kinds[index] as QuotaKind] / 4);
    return isNewTo(0, requests, this.#provenRequests) || isNewTo(1, tokens, this.#provenTokens);
  }

  #isOver(used: number, more: number, index: number, caps: QuotaCaps | null, nowMs: number): boolean {
    return used > 0 && used + more > this.#ceiling(index, caps, nowMs);
  }

  /** What is probably granted. */
  #granted(index: number, nowMs: number): number {
    const known = this.#fresh(index, nowMs);
    if (known && (known.limit !== null || known.share !== null))
      return Math.min(known.limit ?? Infinity, shareNow(known, nowMs));
    return Math.max(supposed[kinds[index] as QuotaKind], 2 * this.#used(index));
  }

  #used(index: number): number {
    if (index === 0) return this.#minute.requests;
    if (index === 1) return this.#minute.tokens;
    return index === 2 ? this.#requestsToday : this.#tokensToday;
  }

  #untilDownTo(count: number, of: 'requests' | 'tokens'): Rest {
    return { untilMs: this.#minute.whenDownTo(count, of), reason: 'key_model_minute' };
  }

  #fresh(index: number, nowMs: number): Known | null {
    const known = this.#known[index];
    return known && nowMs - known.learnedAtMs < knownMsMax ? known : null;
  }

  #know(index: number, nowMs: number): Known {
    const known = this.#fresh(index, nowMs) ?? { limit: null, share: null, learnedAtMs: nowMs, sharedAtMs: nowMs };
    known.learnedAtMs = nowMs;
    this.#known[index] = known;
    return known;
  }
}

/** The share as it has grown since it was learned. */
function shareNow({ limit, share, sharedAtMs }: Known, nowMs: number): number {
  if (share === null) return Infinity;
  const part = Math.max(1, Math.ceil((limit ?? share) / shareGrowthParts));
  return share + part * Math.floor((nowMs - sharedAtMs) / shareGrowthMs);
}
