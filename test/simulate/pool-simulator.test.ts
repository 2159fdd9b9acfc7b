import { describe, expect, test } from 'vitest';
import { createQuotaWorld, type Quota, type WorldKey } from './pool/quota-world.ts';
import { seededRandom } from './pool/seeded-random.ts';
import { judge, type Row, simulatePool } from './pool/simulate-pool.ts';
import type { SimulatedRequest } from './pool/traffic.ts';
import { createVirtualTime } from './pool/virtual-time.ts';

const model = 'm';
const minute = 60_000;
/** An hour before midnight in California, in minutes without an overload. */
const start = Date.parse('2026-11-24T07:00:00Z');
const wide: Quota = { perMinute: 1000, tokensPerMinute: 1_000_000, perDay: 1000 };

/** Two keys of one project, a dead one, and calls one by one. */
function open(quota: Partial<Quota>) {
  const project = { id: 'p', quotas: new Map([[model, { ...wide, ...quota }]]) };
  const keys: WorldKey[] = [
    { id: 'a', project, refusal: null },
    { id: 'b', project, refusal: null },
    { id: 'dead', project: { ...project, id: 'q' }, refusal: { status: 400, message: 'API key not valid.' } },
  ];
  const time = createVirtualTime(start);
  const world = createQuotaWorld(keys, { time, random: () => 0, seed: 5 });
  let number = 0;
  async function call(key: string, more: Partial<SimulatedRequest> = {}) {
    const request = {
      number: ++number,
      atMs: time.now(),
      model,
      conversation: number,
      inputTokens: 10,
      prefixTokens: 0,
      ...more,
    };
    const end = world.call(key, request);
    await time.runUntil(time.now() + 1000);
    const result = await end;
    return result.kind === 'answered' ? 'answered' : { status: result.status, ...JSON.parse(result.text) };
  }
  const wait = (ms: number) => time.runUntil(time.now() + ms);
  const request = (more: Partial<SimulatedRequest> = {}) =>
    ({
      number: 0,
      atMs: 0,
      model,
      conversation: 0,
      inputTokens: 10,
      prefixTokens: 0,
      ...more,
    }) satisfies SimulatedRequest;
  return { world, time, call, wait, request };
}

describe('virtual time', () => {
  test('rings in order of time, then of setting, and passes only when nothing is left to do', async () => {
    const time = createVirtualTime(1000);
    const rung: string[] = [];
    const note = async (name: string, ...pauses: number[]) => {
      for (const ms of pauses) await time.sleep(ms);
      rung.push(`${name} ${time.now()}`);
    };
    void note('late', 50);
    void note('first', 10);
    void note('second', 5, 5);
    void note('never', 500);
    await time.runUntil(1100);
    expect(rung).toEqual(['first 1010', 'second 1010', 'late 1050']);
    expect(time.now()).toBe(1100);
  });
});

describe('the simulated Google', () => {
  test("counts a minute's requests over all keys of a project, and tells when there is room again", async () => {
    const { call, wait, world, time, request } = open({ perMinute: 2 });
    const first = time.now();
    expect([await call('a'), await call('b')]).toEqual(['answered', 'answered']);
    expect(await call('a')).toMatchObject({
      status: 429,
      error: {
        details: [
          { violations: [{ quotaId: 'GenerateRequestsPerMinutePerProjectPerModel-FreeTier', quotaValue: '2' }] },
          { retryDelay: '58s' },
        ],
      },
    });
    expect(world.firstRoomMs(request())).toBe(first + minute);
    await wait(minute - 3000);
    expect([await call('a'), await call('b'), (await call('b')).status]).toEqual(['answered', 'answered', 429]);
    expect([...world.counts.refused]).toEqual([
      ['a m', 1],
      ['b m', 1],
    ]);
  });

  test("counts a minute's tokens", async () => {
    const { call, wait } = open({ tokensPerMinute: 1000 });
    expect(await call('a', { inputTokens: 900 })).toBe('answered');
    expect(await call('a', { inputTokens: 100 })).toBe('answered');
    const { error } = await call('a', { inputTokens: 800 });
    expect(error.details[0].violations[0].quotaId).toBe('GenerateContentInputTokensPerModelPerMinute-FreeTier');
    await wait(minute);
    expect(await call('a', { inputTokens: 800 })).toBe('answered');
  });

  test("begins the day's quota anew at midnight in California, whatever it says to wait", async () => {
    const { call, wait, world, request } = open({ perDay: 1 });
    expect(await call('a')).toBe('answered');
    const { status, error } = await call('b');
    expect([status, error.details[0].violations.map(({ quotaId }: { quotaId: string }) => quotaId)]).toEqual([
      429,
      ['GenerateRequestsPerMinutePerProjectPerModel-FreeTier', 'GenerateRequestsPerDayPerProjectPerModel-FreeTier'],
    ]);
    expect(world.firstRoomMs(request())).toBe(start + 60 * minute);
    await wait(58 * minute);
    expect((await call('a')).status).toBe(429);
    await wait(2 * minute);
    expect(await call('a')).toBe('answered');
  });

  test('has no room for a model that a project has no quota for, and no key that is dead', async () => {
    const { call, world, request } = open({});
    const { error } = await call('a', { model: 'other' });
    expect(error.message).toContain('limit: 0, model: other');
    expect(world.firstRoomMs(request({ model: 'other' }))).toBe(Number.POSITIVE_INFINITY);
    expect((await call('dead')).status).toBe(400);
    expect(world.bestKey(request())?.id).toBe('a');
  });

  test('keeps a prefix in the project that served it', async () => {
    const { call, world, wait } = open({});
    await call('a', { conversation: 1, inputTokens: 100 });
    await call('b', { conversation: 1, inputTokens: 150, prefixTokens: 100 });
    await wait(11 * minute);
    await call('a', { conversation: 1, inputTokens: 200, prefixTokens: 150 });
    expect([world.counts.inputTokens, world.counts.cachedTokens]).toEqual([450, 100]);
  });
});

test('the same seed gives the same table, and another seed another', async () => {
  const quotas = new Map([[model, { perMinute: 3, tokensPerMinute: 100_000, perDay: 60 }]]);
  const keys = [1, 2, 3].map((number) => ({ id: `k${number}`, project: { id: `p${number}`, quotas }, refusal: null }));
  const simulate = (seed: number) => simulatePool({ seed, loads: [0.9, 1.5], keys });
  const rows = await simulate(3);
  expect(await simulate(3)).toEqual(rows);
  expect(await simulate(4)).not.toEqual(rows);
  for (const { served, offered, possible } of rows) {
    expect(served).toBeLessThanOrEqual(offered);
    expect(possible).toBeGreaterThan(0);
  }
});

test('the same random numbers come from the same seed', () => {
  const draw = (seed: number) => Array.from({ length: 1000 }, seededRandom(seed));
  expect(draw(1)).toEqual(draw(1));
  expect(draw(1)).not.toEqual(draw(2));
  const mean = draw(1).reduce((sum, value) => sum + value, 0) / 1000;
  expect(Math.abs(mean - 0.5)).toBeLessThan(0.05);
});

test('a goal that is missed is told', () => {
  const row: Row = {
    scheduler: 'gemini-pool',
    load: 0.9,
    possible: 1000,
    offered: 1000,
    served: 994,
    failedWhileFree: 1,
    failedByOverload: 0,
    refused: 3,
    refusedOfOneKey: 3,
    cachedShare: 0,
  };
  const good = { ...row, served: 996, failedWhileFree: 0, refusedOfOneKey: 2 };
  const verdict = (rows: Row[]) => judge(rows).map(({ isReached }) => isReached);
  expect(verdict([row, { ...row, load: 1.5, served: 970 }])).toEqual([false, false, false, false]);
  expect(verdict([good, { ...good, load: 1.5, served: 985 }])).toEqual([true, true, true, true]);
  expect(verdict([good, { ...row, scheduler: 'random, 3 retries' }])).toEqual([true, true, true]);
});

test('in a simulated day at nine tenths of what Google grants, all is served, and no key is refused more than twice', async () => {
  const rows = await simulatePool({ seed: 1, loads: [0.9], isOwnOnly: true });
  expect(judge(rows).filter(({ isReached }) => !isReached)).toEqual([]);
  expect(rows).toMatchObject([{ scheduler: 'gemini-pool', failedWhileFree: 0 }]);
});
