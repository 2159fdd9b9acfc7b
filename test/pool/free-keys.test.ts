import fc from 'fast-check';
import { expect, test } from 'vitest';
import { chooseKey, noKey } from '../../server/pool/choose-key.ts';
import { classifyFailure } from '../../server/pool/classify-failure.ts';
import { createPool, type Pool } from '../../server/pool/pool.ts';

const models = ['gemini-3.8-flash', 'gemini-2.5-pro'];
const caller = { clientKeyId: 'ck_1', bodyBytes: 100, isGone: () => false, onGone() {} };

/** A look at every key. */
function plainChoice(pool: Pool, model: string, nowMs: number) {
  const circumstances = { quotas: pool.quotas, strategy: 'least-used', nowMs } as const;
  const keys = pool.keys();
  return chooseKey(keys, { model }, { tried: new Set() }, circumstances) ?? noKey(keys, { model }, circumstances);
}

/** What may happen to a pool. */
const step = fc.oneof(
  fc.record({ kind: fc.constant('call'), model: fc.constantFrom(...models), answer: fc.nat(5) }),
  fc.record({ kind: fc.constant('wait'), ms: fc.integer({ min: -60_000, max: 100_000_000 }) }),
  fc.record({ kind: fc.constant('add') }),
  fc.record({ kind: fc.constant('remove'), which: fc.nat(20) }),
  fc.record({ kind: fc.constant('switch'), which: fc.nat(20), isEnabled: fc.boolean() }),
  fc.record({ kind: fc.constant('check'), which: fc.nat(20), isGood: fc.boolean() }),
);
type Step = typeof step extends fc.Arbitrary<infer Value> ? Value : never;

const answers: [status: number, message: string][] = [
  [429, 'Quota exceeded. Please retry in 30s.'],
  [429, 'Quota exceeded: requests per day.'],
  [429, 'Resource has been exhausted (e.g. check quota).'],
  [400, 'API key not valid. Please pass a valid API key.'],
  [403, 'Your API key was reported as leaked.'],
];

test('the choice of a pool is that among all of its keys, whatever happened to it before', async () => {
  const history = fc.array(step, { minLength: 10, maxLength: 100 });
  await fc.assert(
    fc.asyncProperty(history, async (steps: Step[]) => {
      const clock = { now: Date.parse('2026-11-23T12:00:00Z') };
      const pool = createPool({ now: () => clock.now, random: () => 0.5, delay: async () => {} });
      let added = 0;
      const add = () =>
        pool.add({ id: `k${++added}`, apiKey: `key-${added}`, maskedKey: 'k…', isEnabled: true, rejection: null });
      add();
      add();
      for (const happened of steps) {
        await apply(happened);
        for (const model of models) expect(pool.choose({ model })).toEqual(plainChoice(pool, model, clock.now));
      }

      async function apply(happened: Step): Promise<void> {
        const { kind } = happened;
        const key = 'which' in happened ? pool.keys()[happened.which % (pool.keys().length || 1)] : undefined;
        if (kind === 'add') add();
        if ('ms' in happened) clock.now += happened.ms;
        if ('answer' in happened) await call(happened.model, answers[happened.answer]);
        if (!key) return;
        if (kind === 'remove') pool.remove(key.id);
        if ('isEnabled' in happened) pool.setEnabled(key.id, happened.isEnabled);
        if ('isGood' in happened) pool.noteCheck(key.id, happened.isGood ? null : failureOf(answers[3]));
      }

      function failureOf([status, message] = answers[0] as [number, string]) {
        return classifyFailure({ kind: 'error', status, text: JSON.stringify({ error: { message } }) }, clock.now);
      }

      async function call(model: string, answer: [number, string] | undefined): Promise<void> {
        const wanted = { model };
        const first = await pool.pick(wanted, caller);
        if (!first || !('key' in first)) return;
        await pool.run<null>({
          wanted,
          caller,
          first,
          maySwitch: () => true,
          async attemptFailed() {},
          attempt: async () =>
            answer ? { kind: 'failed', failure: failureOf(answer) } : { kind: 'answered', value: null },
        });
      }
    }),
    { numRuns: 300 },
  );
});
