import type { Preload } from './preload.ts';

/** When the server is killed. */
export type KillMoment =
  /** So long after the process was started: it may not be ready. */
  | { kind: 'starting'; afterMs: number }
  | { kind: 'under load'; afterMs: number }
  /** So long after SIGTERM. */
  | { kind: 'draining'; afterMs: number }
  /** When the process comes to a point of `kill-point.ts` for the so many-th time. */
  | { kind: 'inside'; point: string; passes: number }
  /** The same with a point that the simulated Gemini, a client or an admin comes to. */
  | { kind: 'outside'; point: OutsidePoint; passes: number };

export type OutsidePoint =
  | 'Gemini called'
  | 'frame sent'
  | 'client has first byte'
  | 'client has last byte'
  | 'client key acknowledged';

const loadMsMax = 700;
const startMsMax = 1400;
const drainMsMax = 300;
const oftenMax = 40;
const seldomMax = 3;

type Moment = (random: () => number) => KillMoment;

const often = (kind: 'inside' | 'outside', point: string) => at(kind, point, oftenMax);
const seldom = (kind: 'inside' | 'outside', point: string) => at(kind, point, seldomMax);

/** Each await on the way of a request, of its answer, of an event and of a start. */
const named: readonly Moment[] = [
  often('inside', 'RequestCompleted committing'),
  often('outside', 'client has last byte'),
  at('inside', 'NodeStarted committing', 1),
  often('outside', 'Gemini called'),
  often('inside', 'RequestAccepted committed'),
  (random) => ({ kind: 'draining', afterMs: random() * drainMsMax }),
  often('inside', 'RequestAccepted inserted'),
  often('inside', 'RequestAccepted committing'),
  often('inside', 'call begun'),
  often('inside', 'call sent'),
  often('outside', 'frame sent'),
  at('inside', 'NodeStarted committed', 1),
  often('inside', 'call answered'),
  often('inside', 'call ended'),
  often('inside', 'RequestCompleted inserted'),
  often('inside', 'RequestCompleted committed'),
  often('inside', 'answer sent'),
  (random) => ({ kind: 'starting', afterMs: random() * startMsMax }),
  often('outside', 'client has first byte'),
  often('inside', 'request begun'),
  seldom('inside', 'AttemptFailed committing'),
  seldom('inside', 'AttemptFailed committed'),
  seldom('inside', 'RequestAborted committing'),
  seldom('inside', 'ClientKeyCreated committing'),
  seldom('inside', 'ClientKeyCreated committed'),
  seldom('outside', 'client key acknowledged'),
];

/** By turns at an instant that is left to chance and at a named point. */
export function planKills(count: number, random: () => number): KillMoment[] {
  return Array.from({ length: count }, (_, index) =>
    index % 2 === 0
      ? { kind: 'under load', afterMs: random() * loadMsMax }
      : (named[((index - 1) / 2) % named.length] as Moment)(random),
  );
}

/** What the process has to load for it. */
export function preloadsFor(moment: KillMoment): Preload[] {
  if (moment.kind !== 'inside') return [];
  return [{ file: 'kill-point.ts', settings: { point: moment.point, passes: String(moment.passes) } }];
}

export function describeMoment(moment: KillMoment): string {
  if ('afterMs' in moment) return `${moment.kind}, ${Math.round(moment.afterMs)} ms`;
  return `${moment.point}, ${moment.passes} times`;
}

function at(kind: 'inside' | 'outside', point: string, passesMax: number): Moment {
  return (random) => ({ kind, point, passes: 1 + Math.floor(random() * passesMax) }) as KillMoment;
}
