import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { costAtMost, costOf } from '../../server/pricing/cost-of.ts';
import { listPrices } from '../../server/pricing/list-prices.ts';
import { divideHalfEven, parseDollars, picoMax } from '../../server/pricing/money.ts';
import type { Price } from '../../server/pricing/price.ts';

const priceOf = (model: string, at = '2026-11-26') =>
  listPrices.findLast((price) => price.model === model && price.fromMs <= Date.parse(at)) as Price;
const used = (inputTokens: number, outputTokens: number, cachedInputTokens = 0) => {
  return { inputTokens, outputTokens, cachedInputTokens };
};

describe('money', () => {
  test('is read exactly, to the picodollar', () => {
    expect(parseDollars('0.000000000001')).toBe(1n);
    expect(parseDollars('9000000')).toBe(9_000_000n * 10n ** 12n);
    expect(parseDollars('0.075', 6)).toBe(75_000_000_000n);
  });

  test('with more decimals than are kept, in other notations, or beyond a column is refused', () => {
    for (const bad of ['', '-1', '1e3', '.5', '1.', 'NaN', '0.0000000000001', '10000000', '１'])
      expect(() => parseDollars(bad), bad).toThrow(RangeError);
    expect(() => parseDollars('0.123456789', 6)).toThrow('at most 6 decimals');
    expect(picoMax).toBe(9_223_372_036_854_775_807n);
  });

  test('is rounded half to even', () => {
    const halves = [1n, 3n, 5n, 7n].map((half) => divideHalfEven(half, 2n));
    expect(halves).toEqual([0n, 2n, 2n, 4n]);
  });
});

describe('the cost of a usage', () => {
  test('is tokens times rates, what was cached at its own', () => {
    const flash = priceOf('gemini-3.8-flash');
    expect(costOf(used(1_000_000, 0), flash, 'standard')).toBe(parseDollars('0.75'));
    expect(costOf(used(0, 1_000_000), flash, 'standard')).toBe(parseDollars('3.75'));
    expect(costOf(used(1_000_000, 0, 400_000), flash, 'standard')).toBe(parseDollars('0.48'));
  });

  test('holds for the whole request at the rates of long prompts when the prompt is long', () => {
    const pro = priceOf('gemini-3.1-pro-preview');
    expect(costOf(used(200_000, 1_000_000), pro, 'standard')).toBe(parseDollars('12.4'));
    expect(costOf(used(200_001, 1_000_000), pro, 'standard')).toBe(parseDollars('18.800004'));
  });

  test('knows sound, pictures and film', () => {
    const audio = { modalities: { input: { AUDIO: 600_000 }, cachedInput: { AUDIO: 100_000 } } };
    const heard = { ...used(1_000_000, 0, 200_000), ...audio };
    // 300,000 text + 500,000 sound fresh, 100,000 of each cached.
    const expected = 0.3 * 0.3 + 0.5 * 1 + 0.1 * 0.03 + 0.1 * 0.1;
    expect(costOf(heard, priceOf('gemini-2.5-flash'), 'standard')).toBe(parseDollars(expected.toFixed(6)));
    const drawn = { ...used(0, 1_000_000), modalities: { output: { IMAGE: 900_000 } } };
    expect(costOf(drawn, priceOf('gemini-3.1-flash-image'), 'standard')).toBe(parseDollars('54.3'));
  });

  test('halves for batch and flex, and is not known for a tier without a price', () => {
    const flash = priceOf('gemini-3.8-flash');
    expect(costOf(used(1_000_000, 0), flash, 'flex')).toBe(parseDollars('0.375'));
    expect(costOf(used(3, 0), { ...flash, rates: { ...flash.rates, input: '0.000001' } }, 'batch')).toBe(2n);
    expect(costOf(used(1, 1), flash, 'priority')).toBeNull();
  });

  test('follows the dates of the prices', () => {
    expect(priceOf('gemini-4-argon', '2026-11-30').rates.input).toBe('2');
    expect(priceOf('gemini-4-argon', '2026-12-01').rates.input).toBe('4');
    expect(priceOf('gemini-4-argon', '2026-01-01').rates.input).toBe('2');
  });

  test('is never negative and never above what was held for it, whatever Google tells', () => {
    const tokens = fc.nat(1_000_000_000);
    const modality = fc.record({ AUDIO: tokens, IMAGE: tokens, VIDEO: tokens }, { requiredKeys: [] });
    const usage = fc.record({
      inputTokens: tokens,
      cachedInputTokens: tokens,
      outputTokens: tokens,
      modalities: fc.record({ input: modality, cachedInput: modality, output: modality }, { requiredKeys: [] }),
    });
    fc.assert(
      fc.property(usage, fc.constantFrom(...listPrices), (some, price) => {
        const cost = costOf(some, price, 'standard') as bigint;
        expect(cost).toBeGreaterThanOrEqual(0n);
        expect(cost).toBeLessThanOrEqual(costAtMost(some, price));
      }),
    );
  });

  test('has rates that are plain decimals of at most six places for every model that is shipped', () => {
    for (const { rates, longContext, id } of listPrices) {
      const all = [...Object.values(rates), ...Object.values(longContext?.rates ?? {})];
      for (const rate of all) if (rate !== null) expect(() => parseDollars(rate, 6), id).not.toThrow();
    }
    expect(new Set(listPrices.map(({ id }) => id)).size).toBe(listPrices.length);
  });
});
