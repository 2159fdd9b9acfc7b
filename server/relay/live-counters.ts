/** What the live cards show of the last minute. Kept in memory; the ledger has the truth. */
export interface LiveFigures {
  inFlight: number;
  requestsPerMinute: number;
  tokensPerMinute: number;
  /** Succeeded ÷ ended, without requests the caller cancelled; null without any. */
  successRate: number | null;
  medianTimeToFirstTokenMs: number | null;
}

export type LiveOutcome = 'succeeded' | 'failed' | 'cancelled';

export interface LiveCounters {
  accepted(): void;
  rejected(): void;
  ended(outcome: LiveOutcome, tokens: number, timeToFirstTokenMs: number | null): void;
  figures(): LiveFigures;
}

interface Second {
  second: number;
  requests: number;
  tokens: number;
  succeeded: number;
  failed: number;
}

const windowSeconds = 60;
const latenciesMax = 256;

/** Counts by second in a ring of sixty. @param now Wall clock, ms since 1970. */
export function createLiveCounters(now: () => number): LiveCounters {
  const ring: Second[] = Array.from({ length: windowSeconds }, () => emptySecond(-1));
  const latenciesMs: number[] = [];
  let inFlight = 0;
  let latencyIndex = 0;

  function current(): Second {
    const second = Math.floor(now() / 1000);
    const index = second % windowSeconds;
    const slot = ring[index] as Second;
    if (slot.second === second) return slot;
    ring[index] = emptySecond(second);
    return ring[index];
  }

  return {
    accepted() {
      inFlight++;
      current().requests++;
    },
    rejected() {
      current().requests++;
      current().failed++;
    },
    ended(outcome, tokens, timeToFirstTokenMs) {
      inFlight--;
      const slot = current();
      slot.tokens += tokens;
      if (outcome !== 'cancelled') slot[outcome]++;
      if (timeToFirstTokenMs === null) return;
      latenciesMs[latencyIndex] = timeToFirstTokenMs;
      latencyIndex = (latencyIndex + 1) % latenciesMax;
    },
    figures() {
      const oldest = Math.floor(now() / 1000) - windowSeconds;
      const recent = ring.filter((slot) => slot.second > oldest);
      const total = (field: Exclude<keyof Second, 'second'>) => recent.reduce((sum, slot) => sum + slot[field], 0);
      const ended = total('succeeded') + total('failed');
      return {
        inFlight,
        requestsPerMinute: total('requests'),
        tokensPerMinute: total('tokens'),
        successRate: ended === 0 ? null : total('succeeded') / ended,
        medianTimeToFirstTokenMs: latenciesMs.toSorted((a, b) => a - b)[latenciesMs.length >> 1] ?? null,
      };
    },
  };
}

function emptySecond(second: number): Second {
  return { second, requests: 0, tokens: 0, succeeded: 0, failed: 0 };
}
