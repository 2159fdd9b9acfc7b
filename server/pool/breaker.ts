/** How patient a breaker is. */
export interface BreakerLimits {
  /** So many failures in a row open it. */
  failuresMin: number;
  /** How long it is open the first time, ms; twice as long each time that the probe fails. */
  firstMs: number;
  longestMs: number;
}

/** Failures that lie further apart are not in a row. */
const rowMsMax = 60_000;
/** So long the one probe is waited for; then another may be made. */
const probeMsMax = 30_000;
/** How soon to look again while a probe is out, ms. */
const lookAgainMs = 250;

/**
 * A circuit breaker: after several failures in a row nothing is called for a while, then one call probes. Pure but for itself: the clock is
 * passed in, in ms since 1970.
 */
export class Breaker {
  readonly #limits: BreakerLimits;
  #failures = 0;
  #lastFailureMs = 0;
  /** How often in a row it was opened; 0: it is closed. */
  #times = 0;
  #openUntilMs = 0;
  #probeAtMs: number | null = null;

  constructor(limits: BreakerLimits) {
    this.#limits = limits;
  }

  /** Until when nothing may be called; null when a call may be made. */
  heldUntil(nowMs: number): number | null {
    if (this.#times === 0) return null;
    if (nowMs < this.#openUntilMs) return this.#openUntilMs;
    const isProbing = this.#probeAtMs !== null && nowMs - this.#probeAtMs < probeMsMax;
    return isProbing ? nowMs + lookAgainMs : null;
  }

  /** A call begins. */
  begin(nowMs: number): void {
    if (this.#times > 0) this.#probeAtMs = nowMs;
  }

  /** A call did not come to an end that tells anything. */
  giveUp(): void {
    this.#probeAtMs = null;
  }

  succeed(): void {
    this.#failures = 0;
    this.#times = 0;
    this.#probeAtMs = null;
  }

  fail(nowMs: number): void {
    this.#probeAtMs = null;
    // Calls that were out when it was opened tell nothing new.
    if (nowMs < this.#openUntilMs) return;
    this.#failures = nowMs - this.#lastFailureMs > rowMsMax && this.#times === 0 ? 1 : this.#failures + 1;
    this.#lastFailureMs = nowMs;
    if (this.#times === 0 && this.#failures < this.#limits.failuresMin) return;
    this.#openUntilMs = nowMs + Math.min(this.#limits.longestMs, this.#limits.firstMs * 2 ** this.#times);
    this.#times++;
  }
}
