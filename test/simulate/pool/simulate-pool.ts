import { createQuotaWorld, type WorldKey } from './quota-world.ts';
import { createKeys, liveProjects } from './scenario.ts';
import {
  blindRoundRobin,
  oracle,
  ours,
  randomWithRetries,
  roundRobinWithCooldown,
  type Scheduler,
  type SchedulerParts,
} from './schedulers.ts';
import { seededRandom } from './seeded-random.ts';
import { capacityOf, createTraffic, type SimulatedRequest } from './traffic.ts';
import { createVirtualTime } from './virtual-time.ts';

/** What one scheduler made of the day that is measured, the second one: the first is for learning. */
export interface Outcome {
  offered: number;
  served: number;
  /** Not answered although, when the scheduler gave up, a key could have served the request at once, and no overload was going on. */
  failedWhileFree: number;
  /** Not answered, and given up amid an overload of the model: no key was at fault. */
  failedByOverload: number;
  /** Google's 429s in all, and the most of one key for one model. */
  refused: number;
  refusedOfOneKey: number;
  cachedShare: number;
}

export interface Row extends Outcome {
  scheduler: string;
  /** Offered ÷ capacity. */
  load: number;
  /** What the oracle serves of the same requests. */
  possible: number;
}

export interface SimulationOptions {
  seed: number;
  loads?: readonly number[];
  keys?: readonly WorldKey[];
  /** Without the strategies of others. */
  isOwnOnly?: boolean;
  /** Told after each run. */
  onRow?(row: Row): void;
}

export const defaultLoads = [0.5, 0.9, 1, 1.5];
const schedulers: readonly [name: string, create: (parts: SchedulerParts) => Scheduler][] = [
  ['gemini-pool', ours],
  ['blind round robin', blindRoundRobin],
  ['round robin, 60 s cooldown', roundRobinWithCooldown],
  ['random, 3 retries', randomWithRetries],
];

const dayMs = 86_400_000;
const days = 2;
/** Noon in California: midnight, when the days' quotas begin anew, lies inside each simulated day. */
const startMs = Date.parse('2026-11-23T20:00:00Z');
/** Clients give up after some time: so long after the end the last ones are still waited for. */
const afterMs = 300_000;

/**
 * Offers the same requests to each scheduler, at several loads. Load 1 is the sum of what Google grants all live projects for a day, in
 * requests; minutes and tokens are scarce in the bursts only. The same seed gives the same rows.
 */
export async function simulatePool({
  seed,
  loads = defaultLoads,
  keys = createKeys(),
  isOwnOnly = false,
  onRow,
}: SimulationOptions): Promise<Row[]> {
  const capacity = capacityOf(liveProjects(keys));
  const rows: Row[] = [];
  for (const load of loads) {
    const perDay = new Map([...capacity].map(([model, count]) => [model, count * load]));
    const traffic = createTraffic(perDay, { startMs, days, random: seededRandom(seed) });
    const { served: possible } = await runScheduler(oracle, { keys, traffic, seed });
    for (const [scheduler, create] of isOwnOnly ? schedulers.slice(0, 1) : schedulers) {
      const row = { scheduler, load, possible, ...(await runScheduler(create, { keys, traffic, seed })) };
      rows.push(row);
      onRow?.(row);
    }
  }
  return rows;
}

async function runScheduler(
  create: (parts: SchedulerParts) => Scheduler,
  { keys, traffic, seed }: { keys: readonly WorldKey[]; traffic: readonly SimulatedRequest[]; seed: number },
): Promise<Outcome> {
  const time = createVirtualTime(startMs);
  const world = createQuotaWorld(keys, { time, random: seededRandom(seed + 1), seed });
  const scheduler = create({ world, time, random: seededRandom(seed + 2) });
  const measuredFromMs = startMs + (days - 1) * dayMs;
  const outcome = { offered: 0, served: 0, failedWhileFree: 0, failedByOverload: 0 };

  async function serve(request: SimulatedRequest): Promise<void> {
    const isServed = await scheduler.serve(request);
    if (request.atMs < measuredFromMs) return;
    outcome.offered++;
    if (isServed) outcome.served++;
    else if (world.isInOverload(request.model)) outcome.failedByOverload++;
    else if (world.firstRoomMs(request) <= time.now()) outcome.failedWhileFree++;
  }

  async function offer(): Promise<void> {
    for (const request of traffic) {
      if (request.atMs > time.now()) await time.sleep(request.atMs - time.now());
      void serve(request);
    }
  }

  void offer();
  await time.runUntil(measuredFromMs);
  world.resetCounts();
  await time.runUntil(startMs + days * dayMs + afterMs);
  const refusals = [...world.counts.refused.values()];
  const { inputTokens, cachedTokens } = world.counts;
  return {
    ...outcome,
    refused: refusals.reduce((sum, count) => sum + count, 0),
    refusedOfOneKey: Math.max(0, ...refusals),
    cachedShare: inputTokens === 0 ? 0 : cachedTokens / inputTokens,
  };
}

/** A goal, and whether our scheduler reached it. */
export interface Goal {
  name: string;
  isReached: boolean;
}

/** The goals for our own scheduler, where the loads that they are about were simulated. */
export function judge(rows: readonly Row[]): Goal[] {
  const own = rows.filter(({ scheduler }) => scheduler === 'gemini-pool');
  const at = (load: number) => own.find((row) => row.load === load);
  const goals: Goal[] = [];
  const usual = at(0.9);
  if (usual) {
    goals.push({
      name: `at 90 % load ${percent(usual.served / usual.possible)} of the possible served (at least 99.5 %)`,
      isReached: usual.served / usual.possible >= 0.995,
    });
    goals.push({
      name: `at 90 % load ${usual.failedWhileFree} requests failed while a key was free (none)`,
      isReached: usual.failedWhileFree === 0,
    });
  }
  const over = at(1.5);
  if (over)
    goals.push({
      name: `at 150 % load ${percent(over.served / over.possible)} of the possible served (at least 98 %)`,
      isReached: over.served / over.possible >= 0.98,
    });
  const most = Math.max(0, ...own.map(({ refusedOfOneKey }) => refusedOfOneKey));
  goals.push({
    name: `at most ${most} times a day Google refuses one key for one model (2)`,
    isReached: most <= 2,
  });
  return goals;
}

export function percent(share: number): string {
  return `${(share * 100).toFixed(2)} %`;
}
