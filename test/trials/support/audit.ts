import type { UsageMetadata } from '../../../server/gemini/types.ts';
import type {
  AttemptFailed,
  AttemptSucceeded,
  RequestAborted,
  RequestAccepted,
  RequestCompleted,
  RequestFailed,
  TokenUsage,
} from '../../../server/ledger/events.ts';
import type { SimulatedCall } from '../../support/gemini-simulator.ts';
import type { BookedEvent, Books } from './books.ts';
import type { Sighting } from './load.ts';
import { readPrompt } from './request-forms.ts';

/** What happened outside of the gateway. */
export interface Evidence {
  /** The simulated Gemini's own log. */
  calls: readonly SimulatedCall[];
  /** What the clients saw. */
  sightings: readonly Sighting[];
  /** Heads of the ledger that somebody was told. */
  heads: readonly { headPosition: number; headHash: string }[];
  /** Names of client keys whose creation was acknowledged. */
  clientKeyNames: readonly string[];
}

/** The books compared with what happened. */
export interface Audit {
  /** What is wrong, in words. */
  problems: string[];
  requests: number;
  upstreamCalls: number;
  /** Of answers whose usage Gemini told to the end. */
  tokens: number;
  /** How each request ended: its terminal event, and of an abort its reason. */
  ends: Map<string, TerminalName>;
}

export type TerminalName = 'RequestCompleted' | 'RequestFailed' | `RequestAborted by ${RequestAborted['by']}`;

type Attempt = AttemptFailed | AttemptSucceeded;
type Terminal = RequestCompleted | RequestFailed | RequestAborted;

/** All events of one request, and what happened outside about it. */
interface Trail {
  requestId: string;
  marker: string;
  accepted: RequestAccepted[];
  attempts: Attempt[];
  terminals: Terminal[];
  calls: SimulatedCall[];
  /** Upstream calls that the request needs. */
  callCount: number;
}

/**
 * Checks the invariants of the ledger, as far as they can be seen from outside, at a moment when no request is in progress: nothing that was
 * acknowledged is lost, nothing was called without its acceptance, and every attempt and every token is in the books once.
 */
export function auditBooks(books: Books, evidence: Evidence): Audit {
  const trails = trailsOf(books.events, evidence);
  const byMarker = new Map([...trails.values()].map((trail) => [trail.marker, trail]));
  const all = [...trails.values()];
  const problems = [
    ...all.flatMap(lifeProblems),
    ...(books.openRequests > 0 ? [`${books.openRequests} requests are still in progress`] : []),
    ...evidence.sightings.flatMap((sighting) => sightingProblems(sighting, byMarker.get(sighting.marker))),
    ...strayCalls(evidence.calls, byMarker),
    ...all.flatMap((trail) => attemptProblems(trail, books.upstreamKeys)),
    ...all.flatMap(tokenProblems),
    ...headProblems(books.events, evidence.heads),
    ...evidence.clientKeyNames
      .filter((name) => !books.clientKeyNames.has(name))
      .map((name) => `the client key ${name} was acknowledged and is lost`),
  ];
  const tokens = all.filter(isCountedByGoogle).map(bookedUsage);
  return {
    problems,
    requests: all.length,
    upstreamCalls: all.reduce((sum, { calls }) => sum + calls.length, 0),
    tokens: tokens.reduce((sum, { totalTokens }) => sum + totalTokens, 0),
    ends: new Map(all.flatMap(({ marker, terminals }) => terminals.map((terminal) => [marker, nameOf(terminal)]))),
  };
}

function trailsOf(events: readonly BookedEvent[], { calls, sightings }: Evidence): Map<string, Trail> {
  const callsOf = Map.groupBy(calls, markerOf);
  const callCounts = new Map(sightings.map(({ marker, form }) => [marker, form.callCount]));
  const trails = new Map<string, Trail>();
  for (const { body } of events) {
    if (!('requestId' in body) || body.type === 'RequestRejected' || body.type === 'UsageAdjusted') continue;
    const { requestId } = body;
    const marker = (body.type === 'RequestAccepted' && body.clientRequestId) || '';
    const trail = trails.get(requestId) ?? {
      requestId,
      marker,
      accepted: [],
      attempts: [],
      terminals: [],
      calls: callsOf.get(marker) ?? [],
      callCount: callCounts.get(marker) ?? 1,
    };
    trails.set(requestId, trail);
    if (body.type === 'RequestAccepted') trail.accepted.push(body);
    else if (body.type === 'AttemptFailed' || body.type === 'AttemptSucceeded') trail.attempts.push(body);
    else trail.terminals.push(body);
  }
  return trails;
}

/** Null for calls that are none of the trial's. */
function markerOf({ body }: SimulatedCall): string | null {
  return readPrompt(JSON.stringify(body))?.marker ?? null;
}

/** I2: one acceptance, one end. */
function lifeProblems({ requestId, accepted, terminals }: Trail): string[] {
  return [
    ...(accepted.length === 1 ? [] : [`${requestId} was accepted ${accepted.length} times`]),
    ...(terminals.length === 1 ? [] : [`${requestId} has ${terminals.length} terminal events`]),
  ];
}

/** I1: what a client was told is in the books. */
function sightingProblems({ marker, end, requestId, status }: Sighting, trail: Trail | undefined): string[] {
  if (end !== 'answered' && end !== 'failed') return [];
  if (requestId === null) return [`the answer to ${marker} has no request id`];
  const terminal = trail?.terminals[0];
  if (end === 'failed' && !trail) return [];
  if (trail?.requestId !== requestId) return [`${requestId} (${marker}) was answered and its acceptance is lost`];
  const isRight = end === 'answered' ? terminal?.type === 'RequestCompleted' : terminal?.type !== 'RequestCompleted';
  return isRight && !isRecovered(terminal)
    ? []
    : [`${requestId} (${marker}) ${end} with ${status}, and its end is booked as ${terminal?.type ?? 'nothing'}`];
}

/** I1 and I11: no call without an acceptance. Of a call whose body was cut off by the death of the gateway nobody knows the request. */
function strayCalls(calls: readonly SimulatedCall[], byMarker: ReadonlyMap<string, Trail>): string[] {
  return calls
    .filter(({ method }) => method === 'POST')
    .filter((call) => (markerOf(call) === null ? call.abortedAt === null : !byMarker.has(markerOf(call) ?? '')))
    .map((call) => `Gemini was called for ${markerOf(call) ?? call.path} without an acceptance`);
}

/** I11: the attempts in the books are the calls that Gemini saw, by the same keys, numbered without a hole. */
function attemptProblems(trail: Trail, upstreamKeys: ReadonlyMap<string, string>): string[] {
  const { requestId, attempts, terminals, calls } = trail;
  const [terminal] = terminals;
  if (!terminal) return [];
  const numbers = attempts.map(({ attempt }) => attempt).sort((a, b) => a - b);
  const holes = numbers.some((number, index) => number !== index + 1);
  const booked: { upstreamKeyId: string }[] = [...attempts];
  // The end of one call is told by the end of the request; of several, each has been told.
  const tellsLast = terminal.calls === undefined;
  if (tellsLast && terminal.type !== 'RequestAborted') booked.push(terminal);
  const atMost = booked.length + (terminal.type === 'RequestAborted' ? trail.callCount : 0);
  const isRight = calls.length >= booked.length && calls.length <= atMost;
  return [
    ...(holes ? [`the attempts of ${requestId} are numbered ${numbers}`] : []),
    ...(isRight ? [] : [`${requestId} has ${booked.length} attempts in the books, and Gemini saw ${calls.length}`]),
    ...(isRight ? unusedKeys(booked, calls, upstreamKeys).map((key) => `${requestId}: ${key} was not called`) : []),
  ];
}

/** The keys of attempts in the books that Gemini saw less often. */
function unusedKeys(
  booked: readonly { upstreamKeyId: string }[],
  calls: readonly SimulatedCall[],
  upstreamKeys: ReadonlyMap<string, string>,
): string[] {
  const seen = calls.map(({ key }) => lastFour(key));
  return booked
    .map(({ upstreamKeyId }) => lastFour(upstreamKeys.get(upstreamKeyId)))
    .filter((key) => {
      const place = seen.indexOf(key);
      if (place >= 0) seen.splice(place, 1);
      return place < 0;
    });
}

const lastFour = (key: string | null | undefined) => key?.slice(-4) ?? 'none';

/** I7 and I12: whole numbers, and those that Gemini reported where the books say so. */
function tokenProblems(trail: Trail): string[] {
  const { requestId, terminals, calls } = trail;
  const [terminal] = terminals;
  if (!terminal) return [];
  const booked = bookedUsage(trail);
  const isCount = (value: number) => Number.isSafeInteger(value) && value >= 0;
  if (!Object.values(booked).every(isCount)) return [`${requestId} has the tokens ${JSON.stringify(booked)}`];
  const reported = calls.map(({ usage }) => toCounts(usage)).reduce(addCounts, none);
  const isEqual = (Object.keys(none) as (keyof Counts)[]).every((name) => booked[name] === reported[name]);
  // What was seen of an answer that broke off may be less than Gemini sent; the rest is flagged as not told.
  const isLess = terminal.usageSource !== 'last-seen' || booked.totalTokens <= reported.totalTokens;
  const isRight = isCountedByGoogle(trail) ? isEqual : isLess;
  if (isRight) return terminal.type === 'RequestCompleted' ? flagProblems(terminal) : [];
  const told = `${JSON.stringify(booked)} (${terminal.usageSource}), and Gemini reported ${JSON.stringify(reported)}`;
  return [`${requestId} has the tokens ${told}`];
}

/** Gemini told the usage of every answer to its end. */
function flagProblems({ requestId, usageSource }: RequestCompleted): string[] {
  return usageSource === 'upstream' ? [] : [`${requestId} is completed and its usage is ${usageSource}`];
}

function isCountedByGoogle({ terminals: [terminal] }: Trail): boolean {
  return terminal?.usageSource === 'upstream';
}

type Counts = Pick<TokenUsage, 'inputTokens' | 'outputTokens' | 'totalTokens'>;
const none: Counts = { inputTokens: 0, outputTokens: 0, totalTokens: 0 };

function bookedUsage({ attempts, terminals: [terminal] }: Trail): TokenUsage {
  const told = attempts.flatMap(({ usage }) => usage ?? []);
  const [first, ...others] = terminal ? [...told, terminal.usage] : told;
  return others.reduce(addUsage, first ?? { ...none, cachedInputTokens: 0, reasoningTokens: 0 });
}

function addUsage(a: TokenUsage, b: TokenUsage): TokenUsage {
  const { cachedInputTokens, reasoningTokens } = b;
  return {
    ...addCounts(a, b),
    cachedInputTokens: a.cachedInputTokens + cachedInputTokens,
    reasoningTokens: a.reasoningTokens + reasoningTokens,
  };
}

function addCounts(a: Counts, b: Counts): Counts {
  return {
    inputTokens: a.inputTokens + b.inputTokens,
    outputTokens: a.outputTokens + b.outputTokens,
    totalTokens: a.totalTokens + b.totalTokens,
  };
}

function toCounts(usage: UsageMetadata | null): Counts {
  const inputTokens = (usage?.promptTokenCount ?? 0) + (usage?.toolUsePromptTokenCount ?? 0);
  const outputTokens = (usage?.candidatesTokenCount ?? 0) + (usage?.thoughtsTokenCount ?? 0);
  return { inputTokens, outputTokens, totalTokens: usage?.totalTokenCount ?? inputTokens + outputTokens };
}

/** I8: a position that somebody was told has its event for ever. */
function headProblems(events: readonly BookedEvent[], heads: Evidence['heads']): string[] {
  return heads
    .filter(({ headPosition, headHash }) => events[headPosition - 1]?.hash !== headHash)
    .map(({ headPosition }) => `the head at ${headPosition} was shown, and its event is another or lost`);
}

function isRecovered(terminal: Terminal | undefined): boolean {
  return terminal?.type === 'RequestAborted' && terminal.by === 'crash-recovery';
}

function nameOf(terminal: Terminal): TerminalName {
  return terminal.type === 'RequestAborted' ? `RequestAborted by ${terminal.by}` : terminal.type;
}
