import { describe, expect, test } from 'vitest';
import { classifyFailure } from '../../server/pool/classify-failure.ts';
import { createPool } from '../../server/pool/pool.ts';
import { exhausted } from '../support/gemini-failures.ts';

const model = 'gemini-3.8-flash';
const minute = 60_000;
const perDay = 20;
const caller = { clientKeyId: 'ck_1', bodyBytes: 100, isGone: () => false, onGone() {} };

/** Two keys of 20 requests a day each, a clock that only the script moves, and a Google that counts from midnight to midnight. */
function open(startsAt: string, midnights: readonly string[]) {
  const clock = { now: Date.parse(startsAt) };
  const dayOf = (ms: number) => midnights.filter((midnight) => Date.parse(midnight) <= ms).length;
  const used = new Map<string, number>();
  const calls: string[] = [];
  const pool = createPool({ now: () => clock.now, random: () => 0.5, delay: async () => {} });
  for (const id of ['k1', 'k2']) pool.add({ id, apiKey: id, maskedKey: id, isEnabled: true, rejection: null });

  async function ask(): Promise<'served' | number> {
    const wanted = { model };
    const first = await pool.pick(wanted, caller);
    if (!first || !('key' in first)) return first?.earliestMs ?? 0;
    const result = await pool.run<null>({
      wanted,
      caller,
      first,
      maySwitch: () => true,
      async attemptFailed() {},
      async attempt(key) {
        const name = `${key.id} ${dayOf(clock.now)}`;
        const isSpent = (used.get(name) ?? 0) >= perDay;
        calls.push(`${key.id} ${isSpent ? 'refused' : 'served'}`);
        if (!isSpent) {
          used.set(name, (used.get(name) ?? 0) + 1);
          return { kind: 'answered', value: null };
        }
        // With its trap: the day is spent, and Google says to come back in 38 seconds.
        const text = JSON.stringify(exhausted({ per: 'day', limit: perDay }));
        return { kind: 'failed', failure: classifyFailure({ kind: 'error', status: 429, text }, clock.now) };
      },
    });
    if (result.kind === 'answered') return 'served';
    return (result.kind === 'failed' && result.others?.earliestMs) || 0;
  }

  /** A request every ten minutes until a time. */
  async function askUntil(end: string) {
    const outcomes: ('served' | number)[] = [];
    for (; clock.now < Date.parse(end); clock.now += 10 * minute) outcomes.push(await ask());
    const served = outcomes.filter((outcome) => outcome === 'served').length;
    const told = new Set(outcomes.filter((outcome) => outcome !== 'served').map((ms) => new Date(ms).toISOString()));
    const refused = calls.splice(0).filter((call) => call.endsWith('refused')).length;
    return { served, refused, told: [...told] };
  }

  return { clock, ask, askUntil };
}

describe('a day', () => {
  test('is used to the last request, costs each key one refusal, and begins anew at midnight in California', async () => {
    const winter = ['2026-12-01T08:00:00Z', '2026-12-02T08:00:00Z'];
    const { clock, ask, askUntil } = open('2026-11-30T20:00:00Z', winter);
    const first = await askUntil('2026-12-01T08:00:00Z');
    expect(first).toEqual({ served: 40, refused: 2, told: ['2026-12-01T08:00:00.000Z'] });
    clock.now = Date.parse('2026-12-01T08:00:00Z') - 1;
    expect(await ask()).toBe(Date.parse('2026-12-01T08:00:00Z'));
    clock.now++;
    // By now the limit is known: nobody has to be refused.
    const second = await askUntil('2026-12-02T08:00:00Z');
    expect(second).toEqual({ served: 40, refused: 0, told: ['2026-12-02T08:00:00.000Z'] });
    expect(await ask()).toBe('served');
  });

  test.each([
    // The clocks are set back in the night to November 1, and forward in that to March 14.
    ['that has 25 hours', '2026-10-31T20:00:00Z', ['2026-11-01T07:00:00Z', '2026-11-02T08:00:00Z']],
    ['that has 23 hours', '2027-03-13T20:00:00Z', ['2027-03-14T08:00:00Z', '2027-03-15T07:00:00Z']],
  ])('%s ends when California says so', async (_name, startsAt, midnights) => {
    const { ask, askUntil } = open(startsAt, midnights);
    for (const midnight of midnights) {
      const { served, told } = await askUntil(midnight);
      expect({ served, told }).toEqual({ served: 40, told: [new Date(midnight).toISOString()] });
    }
    expect(await ask()).toBe('served');
  });
});
