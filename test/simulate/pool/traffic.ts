import type { Quota } from './quota-world.ts';

/** One request of a client. */
export interface SimulatedRequest {
  number: number;
  /** ms since 1970. */
  atMs: number;
  model: string;
  /** Turns of one conversation repeat what was said before. */
  conversation: number;
  inputTokens: number;
  /** Of the input, what the turn before had as well. */
  prefixTokens: number;
}

const dayMs = 86_400_000;
const hourMs = 3_600_000;
/** Of a day's requests, those that a batch job sends at once, hour after hour. */
const batchShare = 0.15;
const batchMs = 20_000;
/** How much more than the mean the busiest hour has. */
const dailySwing = 0.4;
const turnsMax = 6;
const firstTokensMax = 4000;
const turnTokensMax = 800;

/**
 * Requests of some days, in order of time: people by day and by night, and a batch job at each full hour.
 * @param perDay Requests of each model a day.
 * @param random 0 to 1.
 */
export function createTraffic(
  perDay: ReadonlyMap<string, number>,
  { startMs, days, random }: { startMs: number; days: number; random: () => number },
): SimulatedRequest[] {
  const requests: SimulatedRequest[] = [];
  for (const [model, count] of perDay) {
    const open: { conversation: number; turn: number; tokens: number }[] = [];
    for (const atMs of timesOf(count * days, startMs, days, random).sort((a, b) => a - b)) {
      const known = open.length > 20 ? open.splice(Math.floor(random() * open.length), 1)[0] : undefined;
      const earlier = known ?? { conversation: requests.length, turn: 0, tokens: 0 };
      const added = Math.ceil(random() * (earlier.turn === 0 ? firstTokensMax : turnTokensMax));
      const inputTokens = earlier.tokens + added;
      const { conversation, tokens: prefixTokens } = earlier;
      requests.push({ number: 0, atMs, model, conversation: conversation, inputTokens, prefixTokens });
      if (earlier.turn + 1 < turnsMax) open.push({ conversation, turn: earlier.turn + 1, tokens: inputTokens });
    }
  }
  requests.sort((a, b) => a.atMs - b.atMs);
  for (const [number, request] of requests.entries()) request.number = number;
  return requests;
}

function timesOf(count: number, startMs: number, days: number, random: () => number): number[] {
  return Array.from({ length: Math.round(count) }, () => {
    const day = startMs + Math.floor(random() * days) * dayMs;
    if (random() < batchShare) return Math.floor(day + Math.floor(random() * 24) * hourMs + random() * batchMs);
    return Math.floor(day + swung(random) * dayMs);
  });
}

/** A part of the day, those in the middle more often. */
function swung(random: () => number): number {
  for (;;) {
    const part = random();
    if (random() * (1 + dailySwing) < 1 - dailySwing * Math.cos(2 * Math.PI * part)) return part;
  }
}

/** The days' quotas of some projects together: what they could serve in a day at most, by model. */
export function capacityOf(projects: readonly { quotas: ReadonlyMap<string, Quota> }[]): Map<string, number> {
  const total = new Map<string, number>();
  for (const { quotas } of projects)
    for (const [model, { perDay }] of quotas) total.set(model, (total.get(model) ?? 0) + perDay);
  return total;
}
