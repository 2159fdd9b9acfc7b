import type { Price, Rates, TierPercents } from './price.ts';

/** The package `@pydantic/genai-prices` 0.1.8, of the day on which these prices were read. */
const genaiPrices = { from: '2026-09-23', source: '@pydantic/genai-prices 0.1.8, 2026-09-23' };

/** Google's batch and flexible tiers cost half. What priority costs differs from page to page (75 to 100 % more), so it has no price here. */
const paidTiers: TierPercents = { standard: 100, batch: 50, flex: 50 };
const longPromptTokens = 200_000;

interface Listed {
  from: string;
  source: string;
  rates: Rates;
  longRates?: Rates;
}

const text = (input: string, cachedInput: string | null, output: string, more: Partial<Rates> = {}): Rates => ({
  input,
  cachedInput,
  output,
  ...more,
});
const listed = (rates: Rates, longRates?: Rates): Listed => ({
  ...genaiPrices,
  rates,
  ...(longRates && { longRates }),
});
const picture = (input: string, output: string, imageOutput: string): Listed =>
  listed(text(input, null, output, { imageOutput }));

/** An introductory price until the end of November 2026. */
const gemini4 = (source: string): Listed[] => [
  { from: '2026-10-13', source, rates: text('2', '0.1', '10') },
  { from: '2026-12-01', source, rates: text('4', '0.2', '20') },
];
/** An introductory price until the end of 2026. */
const flash: Listed[] = [
  listed(text('0.75', '0.075', '3.75')),
  { ...genaiPrices, from: '2027-01-01', rates: text('1.5', '0.15', '7.5') },
];
const proPreview = [listed(text('2', '0.2', '12'), text('4', '0.4', '18'))];
const flashLite = [listed(text('0.3', '0.03', '2.5'))];
const free = [listed(text('0', null, '0'))];
const omni = [listed(text('1.5', null, '9', { videoOutput: '17.5' }))];

/** What Google's paid tier costs, by model; oldest first. A model that is not here has no known price. */
const pricesByModel: Readonly<Record<string, readonly Listed[]>> = {
  'gemini-4-argon': gemini4('LiteLLM discussion 46238'),
  'gemini-4-carbon': gemini4('LiteLLM discussion 46238, not certain for this model'),
  'gemini-4-hydrogen': [{ from: '2026-11-12', source: 'LiteLLM discussion 51436', rates: text('1.5', '0.075', '7.5') }],
  'gemini-3.8-flash': flash,
  'gemini-3.7-flash': flash,
  'gemini-3.6-flash': flash,
  'gemini-3.5-flash': [listed(text('1.5', '0.15', '9'))],
  'gemini-3.5-flash-lite': flashLite,
  'gemini-3.1-pro-preview': proPreview,
  'gemini-3.1-pro-preview-customtools': proPreview,
  'gemini-3.1-flash-lite': [listed(text('0.25', '0.025', '1.5', { audioInput: '0.5', cachedAudioInput: '0.05' }))],
  'gemini-3-flash-preview': [listed(text('0.5', '0.05', '3', { audioInput: '1', cachedAudioInput: '0.1' }))],
  'gemini-2.5-pro': [listed(text('1.25', '0.125', '10'), text('2.5', '0.25', '15'))],
  'gemini-2.5-flash': [listed(text('0.3', '0.03', '2.5', { audioInput: '1', cachedAudioInput: '0.1' }))],
  'gemini-2.5-flash-lite': [listed(text('0.1', '0.01', '0.4', { audioInput: '0.3', cachedAudioInput: '0.03' }))],
  'gemini-flash-latest': flash,
  'gemini-flash-lite-latest': flashLite,
  'gemini-pro-latest': proPreview,
  'gemma-4-31b-it': free,
  'gemma-4-26b-a4b-it': free,
  'gemini-3.1-flash-image': [picture('0.5', '3', '60')],
  'gemini-3.1-flash-lite-image': [picture('0.25', '1.5', '30')],
  'gemini-3-pro-image': [picture('2', '12', '120')],
  'gemini-2.5-flash-image': [picture('0.3', '2.5', '30')],
  'gemini-2.5-flash-preview-tts': [listed(text('0.5', null, '10'))],
  'gemini-2.5-pro-preview-tts': [listed(text('1', null, '20'))],
  'gemini-embedding-2': [listed(text('0.2', null, '0', { audioInput: '6.5', imageInput: '0.45', videoInput: '12' }))],
  'gemini-embedding-001': [listed(text('0.15', null, '0'))],
  'gemini-omni-1.1-flash': omni,
  'gemini-omni-flash-preview': omni,
};

/** The prices that are shipped with the program. The first of a model also stands for the time before it. */
export const listPrices: readonly Price[] = Object.entries(pricesByModel).flatMap(([model, versions]) =>
  versions.map(({ from, source, rates, longRates }, index) => ({
    id: `${model}@${from}`,
    model,
    fromMs: index === 0 ? 0 : Date.parse(from),
    rates,
    longContext: longRates ? { aboveTokens: longPromptTokens, rates: longRates } : null,
    tierPercents: paidTiers,
    source,
  })),
);
