import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { admit, type BudgetState, type Need } from '../../../server/clients/limits/admit.ts';
import { type Budget, type ClientTerms, noTerms } from '../../../server/clients/limits/terms.ts';
import { MinuteWindow } from '../../../server/ledger/minute-window.ts';

const nowMs = Date.parse('2026-11-26T12:00:00Z');
const need: Need = {
  models: ['gemini-3.8-flash'],
  promptTokens: 100,
  promptTokensMax: 400,
  outputTokensMax: 50,
  outputFactor: 1,
  costAtMost: ({ inputTokens, outputTokens }) => BigInt(inputTokens + 5 * outputTokens),
};

const budget = (more: Partial<Budget> = {}): Budget => ({
  id: 'b',
  unit: 'TOKENS',
  limit: '1000',
  period: 'DAY',
  timeZone: 'UTC',
  isStrict: true,
  model: null,
  ...more,
});

const state = (of: Budget, spent = 0, reserved = 0): BudgetState => ({
  budget: of,
  periodStart: nowMs - 1000,
  periodEnd: nowMs + 60_000,
  spent: BigInt(spent),
  reserved: BigInt(reserved),
});

function decide(
  terms: Partial<ClientTerms>,
  { budgets = [] as BudgetState[], inFlight = 0, made = 0, tokens = 0 } = {},
) {
  return (asked: Partial<Need> = {}) => {
    const window = new MinuteWindow();
    window.advance(nowMs);
    for (let index = 0; index < made; index++) window.add(1, 0);
    window.add(0, tokens);
    return admit({ ...noTerms, ...terms }, { window, inFlight, budgets }, { ...need, ...asked }, nowMs);
  };
}

describe('rates', () => {
  test('let through what is below them', () => {
    const terms = { requestsPerMinute: 2, tokensPerMinute: 1000, concurrentRequests: 2 };
    expect(decide(terms, { made: 1, inFlight: 1 })()).toMatchObject({
      kind: 'admitted',
      reservations: [],
      tokens: 150,
    });
  });

  test('refuse with the true wait', () => {
    const perMinute = decide({ requestsPerMinute: 2 }, { made: 2 })();
    expect(perMinute).toMatchObject({ kind: 'refused', code: 'rate_limit_exceeded', retryAfterMs: 65_000 });
    const tokens = decide({ tokensPerMinute: 1000 }, { tokens: 900 })();
    expect(tokens).toMatchObject({ kind: 'refused', code: 'rate_limit_exceeded', retryAfterMs: 65_000 });
    expect(decide({ concurrentRequests: 1 }, { inFlight: 1 })()).toMatchObject({ kind: 'refused', retryAfterMs: 1000 });
  });

  test('tell when no wait helps', () => {
    expect(decide({ tokensPerMinute: 100 })()).toMatchObject({ code: 'rate_limit_exceeded', retryAfterMs: null });
  });
});

describe('a strict budget', () => {
  test('reserves the most that a request can use', () => {
    const decision = decide({}, { budgets: [state(budget(), 500)] })();
    expect(decision).toMatchObject({
      kind: 'admitted',
      reservations: [{ budgetId: 'b', unit: 'TOKENS', amount: '450', strictLimit: '1000' }],
      outputTokensMax: null,
    });
  });

  test('holds the answer to what is left', () => {
    const asked = { outputTokensMax: 8000, promptTokensMax: 100 };
    const decision = decide({}, { budgets: [state(budget({ limit: '5000' }), 900)] })(asked);
    expect(decision).toMatchObject({ kind: 'admitted', outputTokensMax: 4000, reservations: [{ amount: '4100' }] });
  });

  test('shares what is left among candidates evenly', () => {
    const asked = { outputTokensMax: 9000, outputFactor: 3, promptTokensMax: 100 };
    const decision = decide({}, { budgets: [state(budget({ limit: '5000' }), 0)] })(asked);
    expect(decision).toMatchObject({ outputTokensMax: 4899 });
  });

  test('refuses what it cannot pay for until it begins anew', () => {
    const decision = decide({}, { budgets: [state(budget(), 500, 100)] })();
    expect(decision).toMatchObject({ kind: 'refused', code: 'insufficient_quota', retryAfterMs: 60_000 });
    const forGood = { ...state(budget({ period: 'LIFETIME' }), 1000), periodEnd: Number.POSITIVE_INFINITY };
    expect(decide({}, { budgets: [forGood] })()).toMatchObject({ code: 'insufficient_quota', retryAfterMs: null });
  });

  test('in dollars pays for prompt and answer at the dearest rates', () => {
    const usd = state(budget({ unit: 'USD', limit: '650' }));
    expect(decide({}, { budgets: [usd] })()).toMatchObject({
      reservations: [{ amount: '650' }],
      outputTokensMax: null,
    });
    const less = state(budget({ unit: 'USD', limit: '649' }));
    expect(decide({}, { budgets: [less] })()).toMatchObject({ code: 'insufficient_quota' });
    const long = { outputTokensMax: 8000 };
    const some = state(budget({ unit: 'USD', limit: '20400' }));
    expect(decide({}, { budgets: [some] })(long)).toMatchObject({
      outputTokensMax: 4000,
      reservations: [{ amount: '20400' }],
    });
  });

  test('in dollars refuses a model without a price', () => {
    const usd = state(budget({ unit: 'USD' }));
    expect(decide({}, { budgets: [usd] })({ costAtMost: () => null })).toMatchObject({ code: 'model_not_priced' });
  });

  test('refuses what cannot be bounded', () => {
    expect(decide({}, { budgets: [state(budget())] })({ outputTokensMax: null })).toMatchObject({
      code: 'usage_not_bounded',
    });
    const requests = state(budget({ unit: 'REQUESTS', limit: '3' }), 2);
    expect(decide({}, { budgets: [requests] })({ outputTokensMax: null })).toMatchObject({ kind: 'admitted' });
  });

  test('counts the models that it is about alone', () => {
    const other = state(budget({ model: 'gemini-2.5-*' }), 1000);
    expect(decide({}, { budgets: [other] })()).toMatchObject({ kind: 'admitted', reservations: [] });
    const same = state(budget({ model: 'gemini-3.8-*' }), 1000);
    expect(decide({}, { budgets: [same] })()).toMatchObject({ code: 'insufficient_quota' });
  });
});

test('a soft budget lets begin what is asked before it is reached, and nothing after', () => {
  const soft = budget({ isStrict: false });
  expect(decide({}, { budgets: [state(soft, 999)] })()).toMatchObject({
    reservations: [{ amount: '150', strictLimit: null }],
  });
  expect(decide({}, { budgets: [state(soft, 900, 100)] })()).toMatchObject({ code: 'insufficient_quota' });
});

test('what strict budgets admit never passes them, in whatever order requests come and end', () => {
  const units = ['REQUESTS', 'TOKENS', 'USD'] as const;
  const step = fc.record({
    promptTokensMax: fc.nat(2000),
    outputTokensMax: fc.nat(2000),
    outputFactor: fc.integer({ min: 1, max: 3 }),
    share: fc.nat(100),
    endsFirst: fc.boolean(),
  });
  fc.assert(
    fc.property(
      fc.constantFrom(...units),
      fc.integer({ min: 1, max: 20_000 }),
      fc.array(step),
      (unit, limit, steps) => {
        const of = budget({ unit, limit: String(limit) });
        let [spent, reserved] = [0n, 0n];
        const open: { amount: bigint; share: bigint }[] = [];
        for (const { share, endsFirst, ...asked } of steps) {
          const first = endsFirst ? open.shift() : undefined;
          if (first) {
            reserved -= first.amount;
            spent += (first.amount * first.share) / 100n;
          }
          const budgets = [{ ...state(of), spent, reserved }];
          const decision = decide({}, { budgets })({ ...asked, promptTokens: asked.promptTokensMax >> 2 });
          if (decision.kind === 'refused') continue;
          const amount = BigInt(decision.reservations[0]?.amount ?? '0');
          reserved += amount;
          open.push({ amount, share: BigInt(share) });
          expect(spent + reserved).toBeLessThanOrEqual(BigInt(limit));
        }
      },
    ),
  );
});
