import type { Capability } from '../formats/listed-model.ts';

/** What is known of a model without asking Google. */
export interface KnownModel {
  id: string;
  name: string;
  inputTokenLimit: number;
  outputTokenLimit: number;
  capabilities: readonly Capability[];
  /** Day of general availability, UTC; absent for previews and where it is not known. */
  released?: string;
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
/**
 * The models of the Gemini API in November 2026, in the order in which lists show them. Ids, limits and names: `models.list` of
 * 2026-10-08; Gemini 4: Google's page of models, November 2026.
 */
export const knownModels: readonly KnownModel[] = [
  {
    id: 'gemini-4-argon',
    name: 'Gemini 4 Argon',
    ...textLimits,
    capabilities: text,
    released: '2026-10-13',
  },
  {
    id: 'gemini-4-carbon',
    name: 'Gemini 4 Carbon',
    ...textLimits,
    capabilities: text,
    released: '2026-11-10',
  },
  {
    id: 'gemini-4-hydrogen',
    name: 'Gemini 4 Hydrogen',
    ...textLimits,
    capabilities: text,
    released: '2026-11-12',
  },
  {
    id: 'gemini-3.8-flash',
    name: 'Gemini 3.8 Flash',
    ...textLimits,
    capabilities: text,
    released: '2026-09-02',
  },
  { id: 'gemini-3.7-flash', name: 'Gemini 3.7 Flash', ...textLimits, capabilities: text },
  {
    id: 'gemini-3.6-flash',
    name: 'Gemini 3.6 Flash',
    ...textLimits,
    capabilities: text,
    released: '2026-07-21',
  },
  {
    id: 'gemini-3.5-flash',
    name: 'Gemini 3.5 Flash',
    ...textLimits,
    capabilities: text,
  },
  {
    id: 'gemini-3.5-flash-lite',
    name: 'Gemini 3.5 Flash-Lite',
    ...textLimits,
    capabilities: text,
    released: '2026-07-21',
  },
  {
    id: 'gemini-3.1-pro-preview',
    name: 'Gemini 3.1 Pro Preview',
    ...textLimits,
    capabilities: text,
  },
  {
    id: 'gemini-3.1-pro-preview-customtools',
    name: 'Gemini 3.1 Pro Preview Custom Tools',
    ...textLimits,
    capabilities: text,
  },
  {
    id: 'gemini-3.1-flash-lite',
    name: 'Gemini 3.1 Flash-Lite',
    ...textLimits,
    capabilities: text,
    released: '2026-05-07',
  },
  {
    id: 'gemini-3-flash-preview',
    name: 'Gemini 3 Flash Preview',
    ...textLimits,
    capabilities: text,
  },
  {
    id: 'gemini-2.5-pro',
    name: 'Gemini 2.5 Pro',
    ...textLimits,
    capabilities: text,
  },
  {
    id: 'gemini-2.5-flash',
    name: 'Gemini 2.5 Flash',
    ...textLimits,
    capabilities: text,
  },
  {
    id: 'gemini-2.5-flash-lite',
    name: 'Gemini 2.5 Flash-Lite',
    ...textLimits,
    capabilities: text,
  },
  // What these three stand for changes; in October 2026 it was 3.8 Flash, 3.5 Flash-Lite and 3.1 Pro Preview.
  { id: 'gemini-flash-latest', name: 'Gemini Flash Latest', ...textLimits, capabilities: text },
  {
    id: 'gemini-flash-lite-latest',
    name: 'Gemini Flash-Lite Latest',
    ...textLimits,
    capabilities: text,
  },
  {
    id: 'gemini-pro-latest',
    name: 'Gemini Pro Latest',
    ...textLimits,
    capabilities: text,
  },
  {
    id: 'gemma-4-31b-it',
    name: 'Gemma 4 31B IT',
    inputTokenLimit: 262_144,
    outputTokenLimit: 32_768,
    capabilities: open,
  },
  {
    id: 'gemma-4-26b-a4b-it',
    name: 'Gemma 4 26B A4B IT',
    inputTokenLimit: 262_144,
    outputTokenLimit: 32_768,
    capabilities: open,
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
  },
  {
    id: 'gemini-3.1-flash-lite-image',
    name: 'Gemini 3.1 Flash-Lite Image',
    inputTokenLimit: 65_536,
    outputTokenLimit: 65_536,
    capabilities: image,
  },
  {
    id: 'gemini-3-pro-image',
    name: 'Nano Banana Pro',
    inputTokenLimit: 131_072,
    outputTokenLimit: 32_768,
    capabilities: [...image, 'thinking'],
  },
  {
    id: 'gemini-2.5-flash-image',
    name: 'Nano Banana',
    inputTokenLimit: 32_768,
    outputTokenLimit: 32_768,
    capabilities: image,
  },
  { id: 'gemini-3.8-flash-tts', name: 'Gemini 3.8 Flash TTS', ...speechLimits, capabilities: speech },
  { id: 'gemini-3.8-flash-lite-tts', name: 'Gemini 3.8 Flash-Lite TTS', ...speechLimits, capabilities: speech },
  { id: 'gemini-3.1-flash-tts-preview', name: 'Gemini 3.1 Flash TTS Preview', ...speechLimits, capabilities: speech },
  {
    id: 'gemini-2.5-flash-preview-tts',
    name: 'Gemini 2.5 Flash Preview TTS',
    ...speechLimits,
    capabilities: speech,
  },
  {
    id: 'gemini-2.5-pro-preview-tts',
    name: 'Gemini 2.5 Pro Preview TTS',
    ...speechLimits,
    capabilities: speech,
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
  },
  {
    id: 'gemini-embedding-001',
    name: 'Gemini Embedding 001',
    inputTokenLimit: 2048,
    outputTokenLimit: 1,
    capabilities: embedding,
  },
  {
    id: 'gemini-omni-1.1-flash',
    name: 'Gemini Omni 1.1 Flash',
    inputTokenLimit: 131_072,
    outputTokenLimit: 65_536,
    capabilities: omni,
  },
  {
    id: 'gemini-omni-flash-preview',
    name: 'Gemini Omni Flash Preview',
    inputTokenLimit: 131_072,
    outputTokenLimit: 65_536,
    capabilities: omni,
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
