import { divideHalfEven, type Pico, parseDollars } from './money.ts';
import type { Price, Rates } from './price.ts';

/** What is paid for, in tokens. `input` holds the cached ones, and both sums hold those of all modalities. */
export interface PricedUsage {
  inputTokens: number;
  cachedInputTokens: number;
  outputTokens: number;
  /** Tokens of other things than text, where they were told. */
  modalities?: ModalityTokens | undefined;
}

/** Tokens by modality in Gemini's words (`AUDIO`, `IMAGE`, `VIDEO`); text is the rest. */
export interface ModalityTokens {
  input?: Readonly<Record<string, number>>;
  cachedInput?: Readonly<Record<string, number>>;
  output?: Readonly<Record<string, number>>;
}

export const standardTier = 'standard';
/** A rate is dollars per million tokens: with six decimals its picodollars per token are whole. */
const rateDecimals = 6;
const tokensPerRate = 1_000_000n;

/**
 * What a usage costs, rounded once, half to even.
 * @param tier Google's service tier that served it.
 * @returns null when the tier has no known price
 */
export function costOf(usage: PricedUsage, price: Price, tier: string): Pico | null {
  const percent = price.tierPercents[tier];
  if (percent === undefined) return null;
  const { longContext } = price;
  const isLong = longContext !== null && usage.inputTokens > longContext.aboveTokens;
  const rates = isLong ? longContext.rates : price.rates;
  const full = usage.modalities ? costOfInput(usage, rates) + costOfOutput(usage, rates) : costOfText(usage, rates);
  return percent === 100 ? full : divideHalfEven(full * BigInt(percent), 100n);
}

/** The most that so many tokens can cost, whatever their modality, in the dearest tier. */
export function costAtMost({ inputTokens, outputTokens }: PricedUsage, price: Price): Pico {
  const { longContext, rates } = price;
  const all = longContext !== null && inputTokens > longContext.aboveTokens ? [rates, longContext.rates] : [rates];
  const dearest = (names: readonly (keyof Rates)[]) =>
    all.flatMap((some) => names.map((name) => perToken(some[name] ?? '0'))).reduce((a, b) => (a > b ? a : b));
  const percent = Math.max(...Object.values(price.tierPercents));
  const input = dearest(['input', 'cachedInput', 'audioInput', 'cachedAudioInput', 'imageInput', 'videoInput']);
  const output = dearest(['output', 'imageOutput', 'audioOutput', 'videoOutput']);
  const full = BigInt(inputTokens) * input + BigInt(outputTokens) * output;
  return divideHalfEven(full * BigInt(percent) + 99n, 100n);
}

/** Most usage is text alone. */
function costOfText({ inputTokens, cachedInputTokens, outputTokens }: PricedUsage, rates: Rates): Pico {
  const cachedTokens = rates.cachedInput === null ? 0 : Math.min(cachedInputTokens, inputTokens);
  const cached = cachedTokens === 0 ? 0n : BigInt(cachedTokens) * perToken(rates.cachedInput ?? '0');
  const fresh = BigInt(inputTokens - cachedTokens) * perToken(rates.input);
  return fresh + cached + BigInt(outputTokens) * perToken(rates.output);
}

function costOfInput({ inputTokens, cachedInputTokens, modalities }: PricedUsage, rates: Rates): Pico {
  // What Google says was cached is a part of the input; a figure that says otherwise must not make the rest negative.
  const cachedTokens = rates.cachedInput === null ? 0 : Math.min(cachedInputTokens, inputTokens);
  const cached = share(modalities?.cachedInput, cachedTokens);
  const cachedText = perToken(rates.cachedInput ?? rates.input);
  const costOfCached = sum(cached, optionalRates({ AUDIO: rates.cachedAudioInput }), cachedText);
  const fresh = share(modalities?.input, inputTokens);
  for (const [modality, tokens] of cached) fresh.set(modality, Math.max(0, (fresh.get(modality) ?? 0) - tokens));
  const freshTokens = [...fresh.values()].reduce((total, tokens) => total + tokens, 0);
  const own = optionalRates({ AUDIO: rates.audioInput, IMAGE: rates.imageInput, VIDEO: rates.videoInput });
  const text = perToken(rates.input);
  // More was cached of one modality than was sent of it: the details are wrong, the sums count.
  if (freshTokens > inputTokens - cachedTokens) return BigInt(inputTokens - cachedTokens) * text + costOfCached;
  return sum(fresh, own, text) + costOfCached;
}

function costOfOutput({ outputTokens, modalities }: PricedUsage, rates: Rates): Pico {
  const own = optionalRates({ AUDIO: rates.audioOutput, IMAGE: rates.imageOutput, VIDEO: rates.videoOutput });
  return sum(share(modalities?.output, outputTokens), own, perToken(rates.output));
}

/** The total by modality, `TEXT` being what no other takes. What is told beyond the total is not believed. */
function share(told: Readonly<Record<string, number>> | undefined, total: number): Map<string, number> {
  const shares = new Map<string, number>();
  let left = total;
  for (const [modality, tokens] of Object.entries(told ?? {})) {
    if (modality === 'TEXT') continue;
    const taken = Math.min(tokens, left);
    if (taken > 0) shares.set(modality, taken);
    left -= taken;
  }
  if (left > 0) shares.set('TEXT', left);
  return shares;
}

function sum(tokens: ReadonlyMap<string, number>, own: Readonly<Record<string, Pico>>, usual: Pico): Pico {
  let total = 0n;
  for (const [modality, amount] of tokens) total += BigInt(amount) * (own[modality] ?? usual);
  return total;
}

function optionalRates(rates: Record<string, string | undefined>): Record<string, Pico> {
  const known = Object.entries(rates).filter((entry): entry is [string, string] => entry[1] !== undefined);
  return Object.fromEntries(known.map(([modality, rate]) => [modality, perToken(rate)]));
}

const perTokenOf = new Map<string, Pico>();
const rememberedMax = 1000;

/** Picodollars per token. Reading a rate takes longer than the rest of a price, and there are few of them. */
function perToken(rate: string): Pico {
  const known = perTokenOf.get(rate);
  if (known !== undefined) return known;
  const pico = parseDollars(rate, rateDecimals) / tokensPerRate;
  if (perTokenOf.size < rememberedMax) perTokenOf.set(rate, pico);
  return pico;
}
