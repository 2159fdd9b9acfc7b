import { classifyFailure } from '../../../server/pool/classify-failure.ts';
import { createPool } from '../../../server/pool/pool.ts';
import type { QuotaWorld } from './quota-world.ts';
import type { SimulatedRequest } from './traffic.ts';
import type { VirtualTime } from './virtual-time.ts';

/** Gets requests answered by a world of keys, as well as it can. */
export interface Scheduler {
  /** Whether it was answered within the client's patience. */
  serve(request: SimulatedRequest): Promise<boolean>;
}

export interface SchedulerParts {
  world: QuotaWorld;
  time: Pick<VirtualTime, 'now' | 'sleep'>;
  /** 0 to 1. */
  random(): number;
}

/** How long a client waits for a key to become free, ms: the default of POOL_WAIT_SECONDS. */
export const patienceMs = 20_000;
const cooldownMs = 60_000;
const triesMax = 4;
const dayMs = 86_400_000;

/** The gateway's own: the server's code, with the simulation's clock. */
export function ours({ world, time, random }: SchedulerParts): Scheduler {
  const wake = (ms: number, ring: () => void) => void time.sleep(ms).then(ring);
  const pool = createPool({ now: time.now, random, delay: time.sleep, wake });
  for (const { id } of world.keys) pool.add({ id, apiKey: id, maskedKey: id, isEnabled: true, rejection: null });
  const caller = { clientKeyId: 'ck_1', bodyBytes: 100, isGone: () => false, onGone() {} };
  // What the pool proposes, its operator accepts after a day.
  wake(dayMs, () => {
    for (const [index, ids] of pool.quotas.projectGuess().entries())
      for (const id of ids) pool.setProject(id, `proposed-${index}`);
  });
  return {
    async serve(request) {
      const { model, conversation, inputTokens } = request;
      // The gateway knows the length of a prompt to a fifth only.
      const tokens = Math.round(inputTokens * (0.8 + 0.4 * random()));
      const waitUntilMs = time.now() + patienceMs;
      const wanted = { model, tokens, conversation: String(conversation), waitUntilMs };
      const first = await pool.pick(wanted, caller);
      if (!first || !('taken' in first)) return false;
      const result = await pool.run<null>({
        wanted,
        caller,
        first,
        maySwitch: () => true,
        async attemptFailed() {},
        async attempt(key) {
          const end = await world.call(key.id, request);
          if (end.kind === 'answered') return { kind: 'answered', value: null, promptTokens: inputTokens };
          return { kind: 'failed', failure: classifyFailure(end, time.now()) };
        },
      });
      return result.kind === 'answered';
    },
  };
}

/** Key after key, and whatever comes of it is the answer. */
export function blindRoundRobin({ world }: SchedulerParts): Scheduler {
  let turn = 0;
  return {
    async serve(request) {
      const { id } = world.keys[turn++ % world.keys.length] as { id: string };
      return (await world.call(id, request)).kind === 'answered';
    },
  };
}

/** Key after key; one that fails in any way is left alone for a minute, and the next one is tried. */
export function roundRobinWithCooldown({ world, time }: SchedulerParts): Scheduler {
  const restUntil = new Map<string, number>();
  let turn = 0;
  const next = () => {
    for (let tries = 0; tries < world.keys.length; tries++) {
      const { id } = world.keys[turn++ % world.keys.length] as { id: string };
      if ((restUntil.get(id) ?? 0) <= time.now()) return id;
    }
    return null;
  };
  return {
    async serve(request) {
      for (let tries = 0; tries < triesMax; tries++) {
        const id = next();
        if (id === null) return false;
        if ((await world.call(id, request)).kind === 'answered') return true;
        restUntil.set(id, time.now() + cooldownMs);
      }
      return false;
    },
  };
}

/** Any key, four times at most. */
export function randomWithRetries({ world, random }: SchedulerParts): Scheduler {
  return {
    async serve(request) {
      for (let tries = 0; tries < triesMax; tries++) {
        const { id } = world.keys[Math.floor(random() * world.keys.length)] as { id: string };
        if ((await world.call(id, request)).kind === 'answered') return true;
      }
      return false;
    },
  };
}

/**
 * WHAT IS POSSIBLE: it sees the true counters of every project, never calls one that has no room nor a model that is overloaded, and
 * waits, first come first served, as long as the client does. Not the optimum over the whole day, which would need to know what is
 * still to come, but nothing that has to decide request by request can be expected to serve more.
 */
export function oracle({ world, time }: SchedulerParts): Scheduler {
  return {
    async serve(request) {
      const untilMs = time.now() + patienceMs;
      for (;;) {
        const roomMs = world.firstRoomMs(request);
        if (roomMs > untilMs) return false;
        const key = roomMs <= time.now() ? world.bestKey(request) : null;
        if (key && (await world.call(key.id, request)).kind === 'answered') return true;
        await time.sleep(Math.max(1, roomMs - time.now()));
      }
    },
  };
}
