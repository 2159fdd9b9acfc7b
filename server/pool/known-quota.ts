const dayMs = 86_400_000;
/** Quotas change with the tier: after so long, Google is asked anew. */
const limitMsMax = 7 * dayMs;
/**
 * More than a share is not asked for so long (longer at once where the day's quota is known to be shared), and four times as long each time
 * it is found again; after that only with care, until it is forgotten: whoever else used the quota may have stopped.
 */
const shareFirstMs = dayMs / 4;
const shareKnownMs = dayMs;
const shareGrowth = 4;
const shareMsMax = 4 * dayMs;
/** Of what was used at a refusal below the limit so much is kept to: others use it now more, now less. */
const keptShare = 0.95;
/** Our counts and Google's differ a little: who used so much of a limit used all of it. */
const nearlyAll = 0.98;

/** What refusals have told of one quota. Pure but for itself: the clock is passed in, in ms since 1970. */
export class KnownQuota {
  #limit = Infinity;
  #learnedAtMs = 0;
  /** What was left for us when Google refused although we were below the limit: others use the quota too. */
  #share = Infinity;
  #sharedAtMs = 0;
  #sharedUntilMs = 0;
  #sharedTimes = 0;

  /** As Google told it; infinity when it did not, or too long ago. */
  limit(nowMs: number): number {
    return nowMs - this.#learnedAtMs < limitMsMax ? this.#limit : Infinity;
  }

  /** More than this would be refused. */
  ceiling(nowMs: number): number {
    return nowMs < this.#sharedUntilMs ? Math.min(this.#share, this.limit(nowMs)) : this.limit(nowMs);
  }

  /** More than this may be refused. */
  granted(nowMs: number): number {
    return nowMs - this.#sharedAtMs < shareMsMax ? Math.min(this.#share, this.limit(nowMs)) : this.limit(nowMs);
  }

  learnLimit(limit: number, nowMs: number): void {
    this.#limit = limit;
    this.#learnedAtMs = nowMs;
  }

  /** What part of the limit was ours when it was used up, 0 to 1; 1 when nothing is known of others. */
  ownPart(nowMs: number): number {
    const [granted, limit] = [this.granted(nowMs), this.limit(nowMs)];
    return granted < limit ? granted / limit : 1;
  }

  /**
   * Google refused.
   * @param used What we had used ourselves.
   * @param isKnown Whether it is known already that others use the project's quotas.
   * @returns whether somebody else uses the quota too.
   */
  noteRefusal(used: number, isKnown: boolean, nowMs: number): boolean {
    if (used >= this.limit(nowMs) * nearlyAll) {
      this.forgetShare();
      return false;
    }
    this.#share = Math.max(1, Math.floor(used * keptShare));
    this.#sharedAtMs = nowMs;
    const firstMs = isKnown ? shareKnownMs : shareFirstMs;
    this.#sharedUntilMs = nowMs + Math.min(shareMsMax, firstMs * shareGrowth ** this.#sharedTimes++);
    return true;
  }

  forgetShare(): void {
    this.#share = Infinity;
    this.#sharedTimes = 0;
  }
}
