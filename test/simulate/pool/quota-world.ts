import type { SimulatedRequest } from './traffic.ts';
import type { VirtualTime } from './virtual-time.ts';

/** What Google grants one project for one model. */
export interface Quota {
  /** Requests in any 60 seconds. */
  perMinute: number;
  /** Input tokens in any 60 seconds. */
  tokensPerMinute: number;
  /** Requests between two midnights in California. */
  perDay: number;
}

export interface Project {
  id: string;
  quotas: ReadonlyMap<string, Quota>;
}

export interface WorldKey {
  id: string;
  project: Project;
  /** Google's answer when it does not accept the key. */
  refusal: { status: number; message: string } | null;
}

/** What came of one call. */
export type CallEnd = { kind: 'answered' } | { kind: 'error'; status: number; text: string };

/** Google as the simulation has it: true quotas that nobody outside can see, models that are overloaded for a while, dead keys, latencies. */
export interface QuotaWorld {
  keys: readonly WorldKey[];
  call(keyId: string, request: SimulatedRequest): Promise<CallEnd>;
  /** When the first project could serve a request, ms since 1970; now when one could at once. For the oracle and the judge only. */
  firstRoomMs(request: SimulatedRequest): number;
  /** Whether a model refuses now and again these minutes, whatever the key. */
  isInOverload(model: string): boolean;
  /** A key of the project that has the most left of its day, among those that could serve now. For the oracle only. */
  bestKey(request: SimulatedRequest): WorldKey | null;
  counts: WorldCounts;
  /** Forgets the counts: what is counted before has only been for learning. */
  resetCounts(): void;
}

export interface WorldCounts {
  calls: number;
  answered: number;
  /** 429 by key and model. */
  refused: Map<string, number>;
  inputTokens: number;
  cachedTokens: number;
}

/** A project's use of one model. */
interface Use {
  quota: Quota;
  /** Of the last 60 seconds, oldest first; `from` is the first that still counts. */
  recent: { atMs: number; tokens: number }[];
  from: number;
  recentTokens: number;
  day: number;
  usedToday: number;
}

const minuteMs = 60_000;
const hourMs = 3_600_000;
const dayMs = 24 * hourMs;
/** Midnight in California in winter, after midnight UTC. The simulated days have no change of the clocks. */
const pacificMs = 8 * hourMs;
/** Google keeps a prefix for some minutes, in the project that it was served from. */
const cacheMs = 10 * minuteMs;
const refusedMs = 80;
const overloadedMs = 300;
const answeredMsMin = 700;
const answeredMsMax = 7000;
/** Of the day; then a model refuses in a third of all seconds, whatever the key. */
const overloadedShare = 0.02;
const overloadedSeconds = 1 / 3;
const overloadEpisodeMs = 5 * minuteMs;

/** @param random 0 to 1, from a seed: the same calls at the same times come to the same ends. */
export function createQuotaWorld(
  keys: readonly WorldKey[],
  { time, random, seed }: { time: Pick<VirtualTime, 'now' | 'sleep'>; random: () => number; seed: number },
): QuotaWorld {
  const byId = new Map(keys.map((key) => [key.id, key]));
  const alive = keys.filter(({ refusal }) => refusal === null);
  const projects = [...new Set(alive.map(({ project }) => project))];
  const keyOf = new Map(projects.map((project) => [project, alive.find((key) => key.project === project)]));
  const uses = new Map<string, Use>();
  const cached = new Map<number, { project: Project; untilMs: number }>();
  const counts: WorldCounts = { calls: 0, answered: 0, refused: new Map(), inputTokens: 0, cachedTokens: 0 };

  function useOf(project: Project, model: string): Use | null {
    const id = `${project.id} ${model}`;
    const known = uses.get(id);
    if (known) return refreshed(known, time.now());
    const quota = project.quotas.get(model);
    if (!quota) return null;
    const fresh = { quota, recent: [], from: 0, recentTokens: 0, day: dayOf(time.now()), usedToday: 0 };
    uses.set(id, fresh);
    return fresh;
  }

  function isInOverload(model: string, atMs: number): boolean {
    return chance(`${model} ${Math.floor(atMs / overloadEpisodeMs)}`, seed) < overloadedShare;
  }

  function isOverloaded(model: string, atMs: number): boolean {
    return isInOverload(model, atMs) && chance(`${model} second ${Math.floor(atMs / 1000)}`, seed) < overloadedSeconds;
  }

  async function call(keyId: string, request: SimulatedRequest): Promise<CallEnd> {
    const key = byId.get(keyId) as WorldKey;
    counts.calls++;
    if (key.refusal) return fail(refusedMs, key.refusal.status, errorText(key.refusal.message));
    if (isOverloaded(request.model, time.now())) return fail(overloadedMs, 503, errorText(overloadedMessage));
    const use = useOf(key.project, request.model);
    const exceeded = use ? exceededBy(use, request, time.now()) : noQuota(request.model);
    if (exceeded) {
      const counted = `${key.id} ${request.model}`;
      counts.refused.set(counted, (counts.refused.get(counted) ?? 0) + 1);
      return fail(refusedMs, 429, exceeded.text);
    }
    take(use as Use, request, time.now());
    counts.answered++;
    noteTokens(request, key.project);
    await time.sleep(answeredMsMin + random() * (answeredMsMax - answeredMsMin));
    return { kind: 'answered' };
  }

  async function fail(afterMs: number, status: number, text: string): Promise<CallEnd> {
    await time.sleep(afterMs);
    return { kind: 'error', status, text };
  }

  function noteTokens({ conversation, inputTokens, prefixTokens }: SimulatedRequest, project: Project): void {
    const prefix = cached.get(conversation);
    counts.inputTokens += inputTokens;
    if (prefix?.project === project && prefix.untilMs > time.now()) counts.cachedTokens += prefixTokens;
    cached.set(conversation, { project, untilMs: time.now() + cacheMs });
  }

  function roomMs(project: Project, request: SimulatedRequest): number {
    const use = useOf(project, request.model);
    return use ? (exceededBy(use, request, time.now())?.untilMs ?? time.now()) : Number.POSITIVE_INFINITY;
  }

  return {
    keys,
    call,
    counts,
    isInOverload: (model) => isInOverload(model, time.now()),
    firstRoomMs(request) {
      const nowMs = time.now();
      const room = projects.reduce(
        (first, project) => Math.min(first, roomMs(project, request)),
        Number.POSITIVE_INFINITY,
      );
      const nextSecond = nowMs - (nowMs % 1000) + 1000;
      return room <= nowMs && isOverloaded(request.model, nowMs) ? nextSecond : room;
    },
    bestKey(request) {
      let best: { project: Project; left: number } | null = null;
      for (const project of projects) {
        const use = useOf(project, request.model);
        if (!use || exceededBy(use, request, time.now())) continue;
        const left = 1 - use.usedToday / use.quota.perDay;
        if (!best || left > best.left) best = { project, left };
      }
      return (best && keyOf.get(best.project)) ?? null;
    },
    resetCounts() {
      Object.assign(counts, { calls: 0, answered: 0, inputTokens: 0, cachedTokens: 0 });
      counts.refused.clear();
    },
  };
}

function dayOf(atMs: number): number {
  return Math.floor((atMs - pacificMs) / dayMs);
}

/** Drops what no longer counts. */
function refreshed(use: Use, nowMs: number): Use {
  if (use.day !== dayOf(nowMs)) Object.assign(use, { day: dayOf(nowMs), usedToday: 0 });
  for (let oldest = use.recent[use.from]; oldest && oldest.atMs <= nowMs - minuteMs; oldest = use.recent[use.from]) {
    use.recentTokens -= oldest.tokens;
    use.from++;
  }
  if (use.from > 1000) {
    use.recent = use.recent.slice(use.from);
    use.from = 0;
  }
  return use;
}

function take(use: Use, { inputTokens }: SimulatedRequest, nowMs: number): void {
  use.recent.push({ atMs: nowMs, tokens: inputTokens });
  use.recentTokens += inputTokens;
  use.usedToday++;
}

/** The quota that a request would go over, with Google's words for it; null when there is room. */
function exceededBy(use: Use, { model, inputTokens }: SimulatedRequest, nowMs: number) {
  const { quota, recent, from, recentTokens, usedToday } = use;
  if (usedToday >= quota.perDay) {
    const untilMs = (dayOf(nowMs) + 1) * dayMs + pacificMs;
    // A spent day lists the minute's quota too, and a delay that is wrong.
    const quotas = [...requestsPerMinute(quota), ...requestsPerDay(quota)];
    return exceeded(untilMs, () => refusal(model, quotas, 38_000));
  }
  if (recent.length - from >= quota.perMinute) {
    const untilMs = (recent[recent.length - quota.perMinute] as { atMs: number }).atMs + minuteMs;
    return exceeded(untilMs, () => refusal(model, requestsPerMinute(quota), untilMs - nowMs));
  }
  if (recentTokens + inputTokens <= quota.tokensPerMinute) return null;
  const untilMs = roomForTokens(use, inputTokens);
  return exceeded(untilMs, () => refusal(model, tokensPerMinute(quota), untilMs - nowMs));
}

function roomForTokens({ quota, recent, from, recentTokens }: Use, inputTokens: number): number {
  let tokens = recentTokens;
  for (let place = from; place < recent.length; place++) {
    const { atMs, tokens: freed } = recent[place] as { atMs: number; tokens: number };
    tokens -= freed;
    if (tokens + inputTokens <= quota.tokensPerMinute) return atMs + minuteMs;
  }
  return Number.POSITIVE_INFINITY;
}

/** The text is written out only when it is read. */
function exceeded(untilMs: number, write: () => string) {
  return {
    untilMs,
    get text() {
      return write();
    },
  };
}

function noQuota(model: string) {
  const violation = { quotaId: 'GenerateRequestsPerDayPerProjectPerModel-FreeTier' };
  return exceeded(Number.POSITIVE_INFINITY, () => refusal(model, [{ ...violation, limit: 0 }], 30_000));
}

interface Violation {
  quotaId: string;
  limit: number;
}

const requestsPerMinute = ({ perMinute }: Quota): Violation[] => [
  { quotaId: 'GenerateRequestsPerMinutePerProjectPerModel-FreeTier', limit: perMinute },
];
const requestsPerDay = ({ perDay }: Quota): Violation[] => [
  { quotaId: 'GenerateRequestsPerDayPerProjectPerModel-FreeTier', limit: perDay },
];
const tokensPerMinute = ({ tokensPerMinute: limit }: Quota): Violation[] => [
  { quotaId: 'GenerateContentInputTokensPerModelPerMinute-FreeTier', limit },
];

const overloadedMessage =
  'This model is currently experiencing high demand. Spikes in demand are usually temporary. Please try again later.';

function errorText(message: string, details: object[] = []): string {
  return JSON.stringify({ error: { message, details } });
}

/** 429 in Google's shape. */
function refusal(model: string, violations: Violation[], delayMs: number): string {
  const listed = violations.map(({ quotaId, limit }) => ({
    quotaMetric: `generativelanguage.googleapis.com/generate_content_free_tier_${/Tokens/.test(quotaId) ? 'input_token_count' : 'requests'}`,
    quotaId,
    quotaDimensions: { location: 'global', model },
    ...(limit > 0 && { quotaValue: String(limit) }),
  }));
  const lines = listed.map(
    ({ quotaMetric, quotaValue = '0' }) =>
      `* Quota exceeded for metric: ${quotaMetric}, limit: ${quotaValue}, model: ${model}`,
  );
  return errorText(
    ['You exceeded your current quota, please check your plan and billing details.', ...lines].join('\n'),
    [
      { '@type': 'type.googleapis.com/google.rpc.QuotaFailure', violations: listed },
      { '@type': 'type.googleapis.com/google.rpc.RetryInfo', retryDelay: `${Math.ceil(delayMs / 1000)}s` },
    ],
  );
}

/** 0 to 1, always the same for the same words: what happens to all keys alike does not depend on who calls when. */
function chance(words: string, seed: number): number {
  let hash = 2166136261 ^ seed;
  for (let place = 0; place < words.length; place++) hash = Math.imul(hash ^ words.charCodeAt(place), 16777619);
  hash = Math.imul(hash ^ (hash >>> 15), 2246822507);
  hash = Math.imul(hash ^ (hash >>> 13), 3266489909);
  return ((hash ^ (hash >>> 16)) >>> 0) / 2 ** 32;
}
