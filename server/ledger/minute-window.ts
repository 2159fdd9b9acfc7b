const slotMs = 5000;
/** So many slots that what is counted is counted for a minute at least: with the one that is filling, one more than a minute has. */
const slotCount = 60_000 / slotMs + 1;

/**
 * Requests and tokens of the last minute, to five seconds: each counts for 60 to 65 s. Google's own window is not known to the second, and
 * to count too long costs a little, to count too short a refusal.
 */
export class MinuteWindow {
  readonly #requests: number[] = new Array(slotCount).fill(0);
  readonly #tokens: number[] = new Array(slotCount).fill(0);
  /** The number of the slot that is filling, counted since 1970. */
  #slot = 0;
  requests = 0;
  tokens = 0;

  /** Drops what is older than the window. A clock that steps back drops nothing. @param nowMs Wall clock, ms since 1970. */
  advance(nowMs: number): void {
    const slot = Math.floor(nowMs / slotMs);
    if (slot <= this.#slot) return;
    for (let gone = Math.max(this.#slot + 1, slot - slotCount + 1); gone <= slot; gone++) {
      const place = gone % slotCount;
      this.requests -= this.#requests[place] as number;
      this.tokens -= this.#tokens[place] as number;
      this.#requests[place] = 0;
      this.#tokens[place] = 0;
    }
    this.#slot = slot;
  }

  /** Counts now. @returns the slot that it was counted in, to be corrected later. */
  add(requests: number, tokens: number): number {
    this.correct(this.#slot, requests, tokens);
    return this.#slot;
  }

  /** Changes what was counted in a slot, if that is still in the window. */
  correct(slot: number, requests: number, tokens: number): void {
    if (slot <= this.#slot - slotCount) return;
    const place = slot % slotCount;
    this.#requests[place] = (this.#requests[place] as number) + requests;
    this.#tokens[place] = (this.#tokens[place] as number) + tokens;
    this.requests += requests;
    this.tokens += tokens;
  }

  /** Counts what another window counted too. Both have been advanced to the same time. */
  takeIn(other: MinuteWindow): void {
    for (let slot = this.#slot - slotCount + 1; slot <= this.#slot; slot++) {
      const place = (slot + slotCount) % slotCount;
      this.correct(slot, other.#requests[place] as number, other.#tokens[place] as number);
    }
  }

  /** When no more than so much will be left in the window, ms since 1970. */
  whenDownTo(count: number, of: 'requests' | 'tokens'): number {
    const slots = of === 'requests' ? this.#requests : this.#tokens;
    let left = this[of];
    let slot = this.#slot - slotCount;
    while (left > count && slot < this.#slot) {
      slot++;
      left -= slots[(slot + slotCount) % slotCount] as number;
    }
    return (slot + slotCount) * slotMs;
  }
}
