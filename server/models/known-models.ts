import type { Capability, ModelPrices } from '../formats/listed-model.ts';

/** What is known of a model without asking Google. */
export interface KnownModel {
  id: string;
  name: string;
  inputTokenLimit: number;
  outputTokenLimit: number;
  capabilities: readonly Capability[];
  /** Day of general availability, UTC; absent for previews and where it is not known. */
  released?: string;
  /** Oldest first; each holds from its day on (UTC). Absent where they are not known. */
  prices?: readonly DatedPrices[];
}

export interface DatedPrices extends ModelPrices {
  from: string;
}

const text = ['chat', 'vision', 'audioInput', 'tools', 'thinking', 'json'] as const;
const open = ['chat', 'vision', 'tools', 'thinking', 'json'] as const;
const image = ['chat', 'vision', 'imageOutput'] as const;
const speech = ['speech'] as const;
const transcription = ['audioInput'] as const;
const embedding = ['embeddings'] as const;
const omni = ['chat', 'vision', 'audioInput'] as const;

const textLimits = { inputTokenLimit: 1_048_576, outputTokenLimit: 65_536 };
const speechLimits = { inputTokenLimit: 8192, outputTokenLimit: 16_384 };
/** The list prices below that name no other source: the package `@pydantic/genai-prices` 0.1.8 of this day. */
const listed = '2026-09-23';

const price = (from: string, input: number, cachedInput: number | null, output: number): DatedPrices => ({
  from,
  input,
  cachedInput,
  output,
});
const imagePrice = (input: number, output: number, imageOutput: number): DatedPrices => ({
  ...price(listed, input, null, output),
  imageOutput,
});

/** LiteLLM discussion 46238: an introductory price until the end of November 2026. */
const gemini4Prices = [price('2026-10-13', 2, 0.1, 10), price('2026-12-01', 4, 0.2, 20)];
/** An introductory price until the end of 2026. */
const flashPrices = [price(listed, 0.75, 0.075, 3.75), price('2027-01-01', 1.5, 0.15, 7.5)];
/** Prompts of more than 200,000 tokens cost twice as much, their answers half as much again. */
const proPreviewPrices = [price(listed, 2, 0.2, 12)];
const flashLitePrices = [price(listed, 0.3, 0.03, 2.5)];
const freePrices = [price(listed, 0, null, 0)];

/**
 * The models of the Gemini API in November 2026, in the order in which lists show them. Ids, limits and names: `models.list` of
 * 2026-10-08; Gemini 4: Google's page of models, November 2026. Prices are those of the paid tier, for text.
 */
export const knownModels: readonly KnownModel[] = [
  {
    id: 'gemini-4-argon',
    name: 'Gemini 4 Argon',
    ...textLimits,
    capabilities: text,
    released: '2026-10-13',
    prices: gemini4Prices,
  },
  {
    id: 'gemini-4-carbon',
    name: 'Gemini 4 Carbon',
    ...textLimits,
    capabilities: text,
    released: '2026-11-10',
    prices: gemini4Prices,
  },
  {
    id: 'gemini-4-hydrogen',
    name: 'Gemini 4 Hydrogen',
    ...textLimits,
    capabilities: text,
    released: '2026-11-12',
    // LiteLLM discussion 51436.
    prices: [price('2026-11-12', 1.5, 0.075, 7.5)],
  },
  {
    id: 'gemini-3.8-flash',
    name: 'Gemini 3.8 Flash',
    ...textLimits,
    capabilities: text,
    released: '2026-09-02',
    prices: flashPrices,
  },
  { id: 'gemini-3.7-flash', name: 'Gemini 3.7 Flash', ...textLimits, capabilities: text, prices: flashPrices },
  {
    id: 'gemini-3.6-flash',
    name: 'Gemini 3.6 Flash',
    ...textLimits,
    capabilities: text,
    released: '2026-07-21',
    prices: flashPrices,
  },
  {
    id: 'gemini-3.5-flash',
    name: 'Gemini 3.5 Flash',
    ...textLimits,
    capabilities: text,
    prices: [price(listed, 1.5, 0.15, 9)],
  },
  {
    id: 'gemini-3.5-flash-lite',
    name: 'Gemini 3.5 Flash-Lite',
    ...textLimits,
    capabilities: text,
    released: '2026-07-21',
    prices: flashLitePrices,
  },
  {
    id: 'gemini-3.1-pro-preview',
    name: 'Gemini 3.1 Pro Preview',
    ...textLimits,
    capabilities: text,
    prices: proPreviewPrices,
  },
  {
    id: 'gemini-3.1-pro-preview-customtools',
    name: 'Gemini 3.1 Pro Preview Custom Tools',
    ...textLimits,
    capabilities: text,
    prices: proPreviewPrices,
  },
  {
    id: 'gemini-3.1-flash-lite',
    name: 'Gemini 3.1 Flash-Lite',
    ...textLimits,
    capabilities: text,
    released: '2026-05-07',
    prices: [price(listed, 0.25, 0.025, 1.5)],
  },
  {
    id: 'gemini-3-flash-preview',
    name: 'Gemini 3 Flash Preview',
    ...textLimits,
    capabilities: text,
    prices: [price(listed, 0.5, 0.05, 3)],
  },
  {
    id: 'gemini-2.5-pro',
    name: 'Gemini 2.5 Pro',
    ...textLimits,
    capabilities: text,
    // Prompts of more than 200,000 tokens cost twice as much, their answers half as much again.
    prices: [price(listed, 1.25, 0.125, 10)],
  },
  {
    id: 'gemini-2.5-flash',
    name: 'Gemini 2.5 Flash',
    ...textLimits,
    capabilities: text,
    prices: [price(listed, 0.3, 0.03, 2.5)],
  },
  {
    id: 'gemini-2.5-flash-lite',
    name: 'Gemini 2.5 Flash-Lite',
    ...textLimits,
    capabilities: text,
    prices: [price(listed, 0.1, 0.01, 0.4)],
  },
  // What these three stand for changes; in October 2026 it was 3.8 Flash, 3.5 Flash-Lite and 3.1 Pro Preview.
  { id: 'gemini-flash-latest', name: 'Gemini Flash Latest', ...textLimits, capabilities: text, prices: flashPrices },
  {
    id: 'gemini-flash-lite-latest',
    name: 'Gemini Flash-Lite Latest',
    ...textLimits,
    capabilities: text,
    prices: flashLitePrices,
  },
  {
    id: 'gemini-pro-latest',
    name: 'Gemini Pro Latest',
    ...textLimits,
    capabilities: text,
    prices: proPreviewPrices,
  },
  {
    id: 'gemma-4-31b-it',
    name: 'Gemma 4 31B IT',
    inputTokenLimit: 262_144,
    outputTokenLimit: 32_768,
    capabilities: open,
    prices: freePrices,
  },
  {
    id: 'gemma-4-26b-a4b-it',
    name: 'Gemma 4 26B A4B IT',
    inputTokenLimit: 262_144,
    outputTokenLimit: 32_768,
    capabilities: open,
    prices: freePrices,
  },
  {
    id: 'gemini-nano-banana-2.1',
    name: 'Nano Banana 2.1',
    inputTokenLimit: 65_536,
    outputTokenLimit: 65_536,
    capabilities: image,
  },
  {
    id: 'gemini-3.1-flash-image',
    name: 'Nano Banana 2',
    inputTokenLimit: 65_536,
    outputTokenLimit: 65_536,
    capabilities: [...image, 'thinking'],
    prices: [imagePrice(0.5, 3, 60)],
  },
  {
    id: 'gemini-3.1-flash-lite-image',
    name: 'Gemini 3.1 Flash-Lite Image',
    inputTokenLimit: 65_536,
    outputTokenLimit: 65_536,
    capabilities: image,
    prices: [imagePrice(0.25, 1.5, 30)],
  },
  {
    id: 'gemini-3-pro-image',
    name: 'Nano Banana Pro',
    inputTokenLimit: 131_072,
    outputTokenLimit: 32_768,
    capabilities: [...image, 'thinking'],
    prices: [imagePrice(2, 12, 120)],
  },
  {
    id: 'gemini-2.5-flash-image',
    name: 'Nano Banana',
    inputTokenLimit: 32_768,
    outputTokenLimit: 32_768,
    capabilities: image,
    prices: [imagePrice(0.3, 2.5, 30)],
  },
  { id: 'gemini-3.8-flash-tts', name: 'Gemini 3.8 Flash TTS', ...speechLimits, capabilities: speech },
  { id: 'gemini-3.8-flash-lite-tts', name: 'Gemini 3.8 Flash-Lite TTS', ...speechLimits, capabilities: speech },
  { id: 'gemini-3.1-flash-tts-preview', name: 'Gemini 3.1 Flash TTS Preview', ...speechLimits, capabilities: speech },
  {
    id: 'gemini-2.5-flash-preview-tts',
    name: 'Gemini 2.5 Flash Preview TTS',
    ...speechLimits,
    capabilities: speech,
    prices: [price(listed, 0.5, null, 10)],
  },
  {
    id: 'gemini-2.5-pro-preview-tts',
    name: 'Gemini 2.5 Pro Preview TTS',
    ...speechLimits,
    capabilities: speech,
    prices: [price(listed, 1, null, 20)],
  },
  {
    id: 'gemini-3.5-transcribe',
    name: 'Gemini 3.5 Transcribe',
    inputTokenLimit: 98_304,
    outputTokenLimit: 32_768,
    capabilities: transcription,
  },
  {
    id: 'gemini-embedding-2',
    name: 'Gemini Embedding 2',
    inputTokenLimit: 8192,
    outputTokenLimit: 1,
    capabilities: embedding,
    released: '2026-04-22',
    prices: [price(listed, 0.2, null, 0)],
  },
  {
    id: 'gemini-embedding-001',
    name: 'Gemini Embedding 001',
    inputTokenLimit: 2048,
    outputTokenLimit: 1,
    capabilities: embedding,
    prices: [price(listed, 0.15, null, 0)],
  },
  {
    id: 'gemini-omni-1.1-flash',
    name: 'Gemini Omni 1.1 Flash',
    inputTokenLimit: 131_072,
    outputTokenLimit: 65_536,
    capabilities: omni,
    prices: [price(listed, 1.5, null, 9)],
  },
  {
    id: 'gemini-omni-flash-preview',
    name: 'Gemini Omni Flash Preview',
    inputTokenLimit: 131_072,
    outputTokenLimit: 65_536,
    capabilities: omni,
    prices: [price(listed, 1.5, null, 9)],
  },
];

/** What a model that is not known can probably do, by its id; the first pattern that fits holds. */
export const likelyCapabilities: readonly (readonly [pattern: string, readonly Capability[]])[] = [
  ['*embedding*', embedding],
  ['*-tts*', speech],
  ['*-transcribe*', transcription],
  ['*-image*', image],
  ['*nano-banana*', image],
  ['*-omni-*', omni],
  ['gemma-3-*', ['chat', 'vision']],
  ['gemma-*', open],
  ['*', text],
];

/** Google lists these beside the others, but they are agents or live on other protocols than the ones spoken here. */
export const notForClients: readonly string[] = [
  '*-live*',
  '*native-audio*',
  '*robotics*',
  '*computer-use*',
  '*deep-research*',
  '*antigravity*',
  'imagen-*',
  'veo-*',
  'lyria-*',
  'aqa',
];
