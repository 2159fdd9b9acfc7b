import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { classifyFailure } from '../../../server/pool/classify-failure.ts';
import { createPool, type Pick, type Pool } from '../../../server/pool/pool.ts';

export interface ChoiceFigures {
  keyCount: number;
  restingCount: number;
  /** Of one choice, the median of many. */
  microseconds: number;
  microsecondsMax: number;
  bytesPerKey: number;
  bytesMax: number;
}

const model = 'gemini-3.8-flash';
const keyCount = 10_000;
const restingCount = 9900;
const microsecondsMax = 20;
const bytesMax = 2048;
const caller = { clientKeyId: 'ck_1', bodyBytes: 100, isGone: () => false, onGone() {} };
const rounds = 101;
const choicesPerRound = 200;

/** What a choice costs in a large pool of which nearly everything rests. */
export async function measureChoice(): Promise<ChoiceFigures> {
  const before = usedBytes();
  const pool = createPool({ now: Date.now, random: Math.random, delay: async () => {} });
  await fill(pool);
  const bytesPerKey = (usedBytes() - before) / keyCount;
  const microseconds = medianOf(Array.from({ length: rounds }, () => timeChoices(pool)));
  return { keyCount, restingCount, microseconds, microsecondsMax, bytesPerKey, bytesMax };
}

/** The keys that come first rest: whoever looks at each key in turn passes them all. */
async function fill(pool: Pool): Promise<void> {
  for (let number = 1; number <= keyCount; number++) {
    const id = `uk_${String(number).padStart(32, '0')}`;
    pool.add({ id, apiKey: `AIza-${id}`, maskedKey: `AIza…${id.slice(-4)}`, isEnabled: true, rejection: null });
  }
  const violations = [{ quotaId: 'GenerateRequestsPerDayPerProjectPerModel-FreeTier', quotaValue: '20' }];
  const details = [{ '@type': 'type.googleapis.com/google.rpc.QuotaFailure', violations }];
  const text = JSON.stringify({ error: { message: 'You exceeded your current quota.', details } });
  for (const { id } of pool.keys().slice(0, restingCount)) {
    const wanted = { model, only: id };
    await pool.run({
      wanted,
      caller,
      first: (await pool.pick(wanted, caller)) as Pick,
      maySwitch: () => false,
      async attemptFailed() {},
      attempt: async () => ({
        kind: 'failed',
        failure: classifyFailure({ kind: 'error', status: 429, text }, Date.now()),
      }),
    });
  }
}

function timeChoices(pool: Pool): number {
  const startedAt = performance.now();
  for (let choice = 0; choice < choicesPerRound; choice++) {
    if (!('key' in pool.choose({ model }))) throw new Error('No key is free.');
  }
  return ((performance.now() - startedAt) * 1000) / choicesPerRound;
}

function medianOf(values: number[]): number {
  return values.sort((a, b) => a - b)[values.length >> 1] as number;
}

/** After a collection of what nobody needs. */
function usedBytes(): number {
  setFlagsFromString('--expose-gc');
  runInNewContext('gc')();
  return process.memoryUsage().heapUsed;
}
