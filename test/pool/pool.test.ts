import { describe, expect, test } from 'vitest';
import { classifyFailure, type Failure, failureOfAnswer } from '../../server/pool/classify-failure.ts';
import { keyState } from '../../server/pool/key-state.ts';
import { type AttemptResult, createPool, type KeyChange, type RunPlan, type Wanted } from '../../server/pool/pool.ts';
import type { PoolKey } from '../../server/pool/pool-key.ts';

const model = 'gemini-3.8-flash';
const minute = 60_000;
const someone = { clientKeyId: 'ck_1', bodyBytes: 100, isGone: () => false, onGone() {} };
const day = 86_400_000;

/** A pool with a clock that only pauses move, and a log of what it did. */
function open(keyCount: number) {
  const clock = { now: Date.parse('2026-11-23T12:00:00Z') };
  const pauses: number[] = [];
  const rejected: string[] = [];
  const pool = createPool({
    now: () => clock.now,
    random: () => 0.5,
    delay: async (ms) => {
      pauses.push(ms);
      clock.now += ms;
    },
  });
  pool.onChange(({ key, kind }) => {
    if (kind === 'rejected') rejected.push(key.id);
  });
  for (let number = 1; number <= keyCount; number++)
    pool.add({ id: `k${number}`, apiKey: `key-${number}`, maskedKey: `k…${number}`, isEnabled: true, rejection: null });

  /** Runs one request; `answer` gives each attempt's failure, or null for success. */
  async function run(
    answer: (key: PoolKey, number: number) => Failure | null,
    { isGone = false, ...more }: Partial<RunPlan<string> & Wanted & { isGone: boolean }> = {},
  ) {
    const used: string[] = [];
    const recorded: string[] = [];
    const wanted = { model, ...more };
    const first = await pool.pick(wanted, someone);
    if (!first || !('key' in first)) throw new Error('no key is free');
    const result = await pool.run<string>({
      wanted,
      caller: { ...someone, isGone: () => isGone },
      first,
      maySwitch: () => true,
      attempt: async (key, repair): Promise<AttemptResult<string>> => {
        used.push(repair ? `${key.id} ${repair}` : key.id);
        const failure = answer(key, used.length);
        return failure ? { kind: 'failed', failure } : { kind: 'answered', value: key.id };
      },
      attemptFailed: async (key, failure) => {
        recorded.push(`${key.id} ${failure.class}`);
      },
      ...more,
    });
    return { result, used, recorded };
  }

  const state = (id: string) => keyState(pool.get(id) as PoolKey, clock.now);
  const fail = (status: number, message: string, details: object[] = []) =>
    classifyFailure({ kind: 'error', status, text: JSON.stringify({ error: { message, details } }) }, clock.now);
  return { pool, clock, pauses, rejected, run, state, fail };
}

const ofType = (name: string, more: object) => ({ '@type': `type.googleapis.com/google.rpc.${name}`, ...more });
const spentDay = ofType('QuotaFailure', { violations: [{ quotaId: 'GenerateRequestsPerDay', quotaValue: '20' }] });
const spentMinute = (baseModel: string) => [
  ofType('QuotaFailure', {
    violations: [{ quotaId: 'XPerMinute', quotaValue: '5', quotaDimensions: { model: baseModel } }],
  }),
  ofType('RetryInfo', { retryDelay: '10s' }),
];

describe('one request', () => {
  test('takes keys in turn', async () => {
    const { run } = open(3);
    const used = [await run(() => null), await run(() => null), await run(() => null), await run(() => null)];
    expect(used.map(({ result }) => result.key.id)).toEqual(['k1', 'k2', 'k3', 'k1']);
  });

  test('goes on with the next key at once when a key is at fault, each failure recorded before', async () => {
    const { run, fail, pauses, rejected } = open(3);
    const { result, used, recorded } = await run((key) => (key.id === 'k3' ? null : fail(400, 'API key not valid.')));
    expect(result).toMatchObject({ kind: 'answered', value: 'k3' });
    expect(used).toEqual(['k1', 'k2', 'k3']);
    expect(recorded).toEqual(['k1 key_dead', 'k2 key_dead']);
    expect(pauses).toEqual([]);
    expect(rejected).toEqual(['k1', 'k2']);
  });

  test('for a model that a key has served does not rest that key when Google does not find it', async () => {
    const { run, fail } = open(1);
    await run(() => null);
    await run(() => fail(404, 'models/x is not found for API version v1beta, or is not supported for embedContent.'));
    const { result } = await run(() => null);
    expect(result.kind).toBe('answered');
  });

  test('switches keys six times at most', async () => {
    const { run, fail } = open(20);
    const { result, used } = await run(() => fail(429, 'Resource has been exhausted (e.g. check quota).'));
    expect(used).toHaveLength(7);
    expect(result).toMatchObject({ kind: 'failed', others: null });
  });

  test('pauses longer each time while Google is in trouble, four attempts in all', async () => {
    const { run, fail, pauses } = open(2);
    const { result, used } = await run(() => fail(503, 'The model is overloaded.'));
    expect(result).toMatchObject({ kind: 'failed', failure: { class: 'model_overloaded' } });
    expect(used).toEqual(['k1', 'k2', 'k1', 'k2']);
    expect(pauses).toEqual([500, 1000, 2000]);
  });

  test('comes back to a key that was not at fault when the others are', async () => {
    const { run, fail, pauses } = open(2);
    const { result, used } = await run((key, number) => {
      if (key.id === 'k2') return fail(400, 'API key not valid.');
      return number === 1 ? fail(500, 'Internal error encountered.') : null;
    });
    expect(used).toEqual(['k1', 'k2', 'k1']);
    expect(pauses).toEqual([500, 1000]);
    expect(result).toMatchObject({ kind: 'answered', value: 'k1' });
  });

  test('is repaired once, on the same key', async () => {
    const { run, fail } = open(2);
    const signature = 'Function call is missing a thought_signature.';
    const repaired = await run((_key, number) => (number === 1 ? fail(400, signature) : null));
    expect(repaired.used).toEqual(['k1', 'k1 add-signatures']);
    expect(repaired.result.kind).toBe('answered');
    const hopeless = await run(() => fail(400, signature));
    expect(hopeless.used).toEqual(['k2', 'k2 add-signatures']);
    expect(hopeless.result.kind).toBe('failed');
  });

  test('asks one other key about a model that is not found', async () => {
    const { run, fail } = open(3);
    const { result, used } = await run(() => fail(404, 'models/x is not found for API version v1beta'));
    expect(used).toEqual(['k1', 'k2']);
    expect(result.kind).toBe('failed');
  });

  test('asks no key about a model of which two projects were told that it is not there, until one has served it', async () => {
    const { pool, run, fail, clock } = open(4);
    const missing = { model: 'gemini-none' };
    await run(() => fail(404, 'models/gemini-none is not found for API version v1beta'), missing);
    const untilMs = clock.now + 6 * 60 * minute;
    expect(pool.choose(missing)).toEqual({ earliestMs: untilMs, reasons: ['model_not_found'] });
    expect(pool.choose({ model })).toHaveProperty('key');
    clock.now = untilMs;
    expect((await run(() => null, missing)).result.kind).toBe('answered');
  });

  test('does not take a model for missing that one project alone does not have', async () => {
    const { pool, run, fail } = open(3);
    for (const id of ['k1', 'k2']) pool.setProject(id, 'projects/1');
    for (const only of ['k1', 'k2'])
      await run(() => fail(404, 'models/x is not found for API version v1beta'), { model: 'x', only });
    expect(pool.choose({ model: 'x' })).toMatchObject({ key: { id: 'k3' } });
  });

  test('tries a malformed answer once more, with the only key too', async () => {
    const { run, pauses } = open(1);
    const { used } = await run(() => failureOfAnswer({ class: 'malformed_function_call', message: 'm' }));
    expect(used).toEqual(['k1', 'k1']);
    expect(pauses).toEqual([]);
  });

  test("is not tried again for a client's mistake, which harms no key", async () => {
    const { run, fail, state } = open(2);
    const { used } = await run(() => fail(400, 'Request contains an invalid argument.'));
    expect(used).toEqual(['k1']);
    expect(state('k1')).toMatchObject({ status: 'ACTIVE', lastFailure: null, cooldowns: [] });
  });

  test('is not tried again once a part of the answer was sent', async () => {
    const { run, fail } = open(2);
    const { result, used } = await run(() => fail(500, 'Internal error encountered.'), { maySwitch: () => false });
    expect(used).toEqual(['k1']);
    expect(result.kind).toBe('failed');
  });

  test('ends when the caller is gone', async () => {
    const { run, fail } = open(2);
    const { result, recorded } = await run(() => fail(500, 'Internal error encountered.'), { isGone: true });
    expect(result).toMatchObject({ kind: 'aborted' });
    expect(recorded).toEqual([]);
  });

  test('learns when the first of the others is back', async () => {
    const { run, fail, clock } = open(1);
    const { result } = await run(() => fail(429, 'Quota.', spentMinute(model)));
    expect(result).toMatchObject({ others: { reasons: ['key_model_minute'], earliestMs: clock.now + 11_000 } });
  });

  test('leaves the count of calls in flight as it was, also when an attempt throws', async () => {
    const { run, pool } = open(1);
    const inFlight = () => pool.get('k1')?.inFlight;
    await run(() => {
      expect(inFlight()).toBe(1);
      return null;
    });
    await expect(
      run(() => {
        throw new Error('a bug');
      }),
    ).rejects.toThrow('a bug');
    expect(inFlight()).toBe(0);
  });
});

describe('a model that is overloaded', () => {
  test('is left alone after six refusals in a row, then probed by one request', async () => {
    const { pool, run, fail, clock } = open(3);
    const overloaded = () => fail(503, 'The model is overloaded.');
    await run(overloaded);
    expect(pool.choose({ model })).toHaveProperty('key');
    const { used } = await run(overloaded);
    expect(used).toHaveLength(2);
    expect(pool.choose({ model })).toEqual({ earliestMs: clock.now + 1000, reasons: ['model_overloaded'] });
    expect(pool.choose({ model: 'other' })).toHaveProperty('key');
    clock.now += 1000;
    await run(() => {
      expect(pool.choose({ model })).not.toHaveProperty('key');
      return null;
    });
    expect(pool.choose({ model })).toHaveProperty('key');
    expect(pool.keys().every(({ lastFailure, rests }) => lastFailure === null && rests.size === 0)).toBe(true);
  });
});

describe('a key that alone is in trouble', () => {
  const broken = () => classifyFailure({ kind: 'broken', message: 'connect ECONNREFUSED' }, 0);

  test('rests after five failures in a row, longer each time, and is probed by one call at a time', async () => {
    const { pool, run, clock, state } = open(2);
    const fails = (key: PoolKey) => (key.id === 'k1' ? broken() : null);
    const rests: number[] = [];
    for (let round = 0; round < 12; round++) {
      const restedUntil = pool.get('k1')?.rest?.untilMs ?? 0;
      if (restedUntil > clock.now) {
        rests.push(restedUntil - clock.now);
        expect(state('k1')).toMatchObject({ status: 'COOLING_DOWN', lastFailure: 'transient' });
        clock.now = restedUntil;
      }
      await run(fails, { only: 'k2' });
      await run(fails, { only: 'k1' }).catch(() => {});
    }
    expect(rests.slice(0, 2)).toEqual([5000, 10_000]);
    const untilMs = pool.get('k1')?.rest?.untilMs ?? 0;
    clock.now = untilMs;
    await run(
      () => {
        expect(pool.choose({ model, only: 'k1' })).toMatchObject({ reasons: ['key_model_minute'] });
        return null;
      },
      { only: 'k1' },
    );
    expect(pool.get('k1')?.lonelyFailures).toBe(0);
    expect(pool.choose({ model, only: 'k1' })).toHaveProperty('key');
  });

  test('is not blamed when nothing is answered at all', async () => {
    const { pool, run } = open(2);
    for (let round = 0; round < 5; round++) await run(broken);
    expect(pool.keys().map(({ rest }) => rest)).toEqual([null, null]);
  });
});

// Found by the test against the plain model.
describe('a key that was refused for long', () => {
  const refuse = async ({ run, fail, clock }: ReturnType<typeof open>) => {
    await run(() => fail(429, 'Quota exceeded, limit: 0, model: x'));
    clock.now += day;
  };

  test('is free for more than one call a second again after an answer without a count of tokens', async () => {
    const opened = open(1);
    await refuse(opened);
    await opened.run(() => null);
    expect(opened.pool.choose({ model })).toHaveProperty('key');
  });

  test('is not held back by a pick that came to no call', async () => {
    const opened = open(1);
    await refuse(opened);
    const wanted = { model };
    const pick = await opened.pool.pick(wanted, someone);
    expect(opened.pool.choose(wanted)).not.toHaveProperty('key');
    if (pick && 'taken' in pick) opened.pool.release(pick);
    expect(opened.pool.choose(wanted)).toHaveProperty('key');
    expect(opened.pool.get('k1')?.inFlight).toBe(0);
  });
});

test.each([
  ['fill-first', 'k1'],
  ['sticky', 'k200'],
] as const)('in a large pool %s finds its one key too', async (strategy, expected) => {
  const pool = createPool({ strategy, now: () => 0, random: () => 0.5, delay: async () => {} });
  for (let number = 1; number <= 300; number++)
    pool.add({ id: `k${number}`, apiKey: 'key', maskedKey: 'k…', isEnabled: true, rejection: null });
  await pool.pick({ model, only: 'k200' }, someone);
  expect(pool.choose({ model })).toMatchObject({ key: { id: expected } });
});

describe('keys of one project', () => {
  test('keep a longer rest of their own when another one is refused for a minute', async () => {
    const { pool, run, fail } = open(2);
    await run(() => fail(429, 'Quota.', [spentDay]), { only: 'k1' });
    const untilMs = pool.get('k1')?.rests.get(model)?.untilMs;
    for (const id of ['k1', 'k2']) pool.setProject(id, 'projects/1');
    await run(() => fail(429, 'Please retry in 30s.'), { only: 'k2' });
    expect(pool.get('k1')?.rests.get(model)?.untilMs).toBe(untilMs);
  });

  test('rest together when one of them is refused for want of quota, and for nothing else', async () => {
    const { pool, run, fail, clock } = open(4);
    const told: string[] = [];
    pool.onChange((change) => {
      if (change.kind === 'rested') told.push(`${change.key.id} ${change.rest.reason}`);
    });
    for (const id of ['k1', 'k2', 'k3']) pool.setProject(id, 'projects/1');
    await run((key) => (key.id === 'k1' ? fail(403, 'The caller does not have permission') : null), { only: 'k1' });
    expect(pool.choose({ model, only: 'k2' })).toHaveProperty('key');
    const { used } = await run((key) => (key.id === 'k4' ? null : fail(429, 'Quota.', [spentDay])), { only: 'k2' });
    expect(used).toEqual(['k2']);
    expect(pool.choose({ model, only: 'k3' })).toMatchObject({ reasons: ['key_model_day'] });
    expect(pool.choose({ model })).toMatchObject({ key: { id: 'k4' } });
    // The first one rests longer already.
    expect(told).toEqual(['k1 key_model_denied', 'k2 key_model_day', 'k3 key_model_day']);
    clock.now += day;
    expect(pool.choose({ model, only: 'k3' })).toHaveProperty('key');
  });

  test('use one quota', async () => {
    const { pool, run, fail } = open(2);
    await run(() => fail(429, 'Quota.', spentMinute(model)), { only: 'k1' });
    for (const id of ['k1', 'k2']) pool.setProject(id, 'projects/1');
    for (let count = 0; count < 5; count++) await run(() => null, { only: 'k2' });
    expect(pool.choose({ model, only: 'k2' })).toMatchObject({ reasons: ['key_model_minute'] });
  });
});

describe('a key', () => {
  test('rests for the model alone, under the name that Google gives it too, and wakes by the clock', async () => {
    const { run, fail, pool, clock } = open(1);
    await run(() => fail(429, 'Quota.', spentMinute('gemini-3.1-pro')), { model: 'gemini-3.1-pro-preview' });
    expect(pool.choose({ model: 'gemini-3.1-pro-preview' })).not.toHaveProperty('key');
    expect(pool.choose({ model: 'gemini-3.1-pro' })).not.toHaveProperty('key');
    expect(pool.choose({ model })).toHaveProperty('key');
    clock.now += 11_000;
    expect(pool.choose({ model: 'gemini-3.1-pro-preview' })).toHaveProperty('key');
  });

  test('rests twice as long for each unexplained refusal in a row, ten minutes at most', async () => {
    const { run, fail, state, clock } = open(1);
    const rests: number[] = [];
    for (let round = 0; round < 7; round++) {
      await run(() => fail(429, 'Resource has been exhausted (e.g. check quota).'));
      const until = state('k1').cooldowns[0]?.until ?? 0;
      rests.push((until - clock.now) / 1000);
      clock.now = until;
    }
    expect(rests).toEqual([30, 60, 120, 240, 480, 600, 600]);
    await run(() => null);
    await run(() => fail(429, 'Resource has been exhausted (e.g. check quota).'));
    expect((state('k1').cooldowns[0]?.until ?? 0) - clock.now).toBe(30_000);
  });

  test('is exhausted when a day is spent and nothing else that it serves is left', async () => {
    const { run, fail, state } = open(1);
    await run(() => null, { model: 'other' });
    await run(() => fail(429, 'Quota.', [spentDay]));
    expect(state('k1')).toMatchObject({ status: 'ACTIVE', cooldownUntil: null });
    await run(() => fail(429, 'Quota.', [spentDay]), { model: 'other' });
    expect(state('k1')).toMatchObject({ status: 'EXHAUSTED', cooldownUntil: Date.parse('2026-11-24T08:00:00Z') });
  });

  test('that is denied model after model is set up wrongly; one success in between and it is not', async () => {
    const { run, fail, state, rejected } = open(1);
    const denied = () => fail(403, 'The caller does not have permission');
    await run(denied, { model: 'a' });
    await run(denied, { model: 'b' });
    await run(() => null);
    await run(denied, { model: 'c' });
    await run(denied, { model: 'd' });
    expect(state('k1').status).toBe('ACTIVE');
    await run(denied, { model: 'e' });
    expect(state('k1')).toMatchObject({ status: 'REJECTED', lastFailure: 'key_misconfigured' });
    expect(rejected).toEqual(['k1']);
  });

  test('remembers a bounded number of models, whatever clients ask for', async () => {
    const { run, fail, pool } = open(1);
    for (let count = 0; count < 300; count++) {
      await run(() => fail(404, 'models/x is not found for API version v1beta'), { model: `missing-${count}` });
      await run(() => null, { model: `served-${count}` });
    }
    expect(pool.get('k1')?.rests.size).toBeLessThanOrEqual(200);
    expect(pool.get('k1')?.servedModels.size).toBeLessThanOrEqual(200);
  });

  test('that was rejected is tried again after a day and restored by a success', async () => {
    const { run, fail, pool, state, clock } = open(1);
    const changes: string[] = [];
    pool.onChange(({ key, kind }) => changes.push(`${key.id} ${kind}`));
    await run(() => fail(400, 'API key not valid.'));
    clock.now += day - minute;
    expect(pool.choose({ model })).toEqual({ earliestMs: null, reasons: [] });
    clock.now += minute;
    await run(() => null);
    expect(state('k1')).toMatchObject({ status: 'ACTIVE', lastFailure: 'key_dead' });
    expect(pool.get('k1')?.rejection).toBeNull();
    expect(changes).toEqual(['k1 rejected', 'k1 restored']);
  });

  test('is rejected or restored by a check; a limit or an outage met there says nothing', () => {
    const { pool, fail, state, rejected } = open(1);
    pool.noteCheck('k1', fail(429, 'Resource has been exhausted (e.g. check quota).'));
    pool.noteCheck('k1', fail(503, 'The model is overloaded.'));
    expect(state('k1')).toMatchObject({ status: 'ACTIVE', lastFailure: null });
    pool.noteCheck('k1', fail(400, 'API key not valid.'));
    expect(state('k1').status).toBe('REJECTED');
    expect(rejected).toEqual(['k1']);
    pool.noteCheck('k1', null);
    expect(state('k1').status).toBe('ACTIVE');
    pool.noteCheck('gone', null);
  });
});

test('who listens is told of each change that can be seen, until it stops', async () => {
  const { pool, run, fail } = open(1);
  const changes: KeyChange['kind'][] = [];
  const stop = pool.onChange(({ kind }) => changes.push(kind));
  pool.add({ id: 'k2', apiKey: 'key-2', maskedKey: 'k…2', isEnabled: true, rejection: null });
  pool.setEnabled('k2', false);
  pool.remove('k2');
  pool.remove('k2');
  await run(() => null);
  await run(() => fail(429, 'Quota.', [spentDay]));
  stop();
  pool.remove('k1');
  expect(changes).toEqual(['added', 'switched', 'removed', 'learned', 'rested']);
});
