/** What a family of models accepts. Data, not code: one row per family, the first that matches a model's id holds. */
export interface ModelRules {
  family: 'gemma3' | 'gemma4' | 'g2' | 'g3a' | 'g3b' | 'g4';
  thinking: ThinkingRule;
  /** Sampling parameters have an effect; newer models fix them and announced to refuse them. */
  hasSampling: boolean;
  /** More than one candidate per request. */
  hasCandidateCount: boolean;
  /** Functions and a JSON answer in one request. */
  hasJsonWithFunctions: boolean;
  hasSystemInstruction: boolean;
  /** The first call of a model turn needs a signature, or the placeholder. */
  needsSignature: boolean;
  /** Whose thought signatures it takes: those that models of the same group made. Null: it knows none. */
  signatures: 'g2' | 'g3' | 'gemma4' | null;
  /** Media in the result of a tool; older models get them in a turn of their own. */
  hasMediaInResults: boolean;
  /** Answers with pictures. */
  hasImageOutput: boolean;
  /** The sizes of pictures that can be asked for; none: it has one size only. */
  imageSizes: readonly ImageSize[];
  /** The shapes of pictures that can be asked for, width to height. */
  aspectRatios: readonly string[];
  /** Answers with speech. */
  hasAudioOutput: boolean;
  /** Speech: takes the manner of speaking and the sound's format in fields of their own; older models take the manner in the text. */
  hasSpeechMetadata: boolean;
  /** Only transcribes, and only by the Interactions API. */
  isTranscriber: boolean;
  /** Embeddings: takes what they are for in a field of its own; newer models take it in the text. */
  hasTaskType: boolean;
  /** The conversation may end with the model's turn, to be continued. */
  mayEndWithModelTurn: boolean;
  /** A larger output limit is a budget over several hops, not to be clamped. */
  hasHops: boolean;
}

export type ImageSize = '512' | '1K' | '2K' | '4K';

export type ThinkingRule =
  | { kind: 'none' }
  | { kind: 'level'; minimum: 'MINIMAL' | 'LOW'; hasMedium: boolean; hasExtraHigh: boolean }
  | { kind: 'budget'; min: number; max: number; offBudget: number };

const level = (minimum: 'MINIMAL' | 'LOW', more = {}): ThinkingRule => ({
  kind: 'level',
  minimum,
  hasMedium: true,
  hasExtraHigh: false,
  ...more,
});

const imageSizes: readonly ImageSize[] = ['1K', '2K', '4K'];
const usualRatios = ['1:1', '2:3', '3:2', '3:4', '4:3', '4:5', '5:4', '9:16', '16:9', '21:9'];

const newest: ModelRules = {
  family: 'g4',
  thinking: level('LOW'),
  hasSampling: false,
  hasCandidateCount: false,
  hasJsonWithFunctions: true,
  hasSystemInstruction: true,
  needsSignature: true,
  signatures: 'g3',
  hasMediaInResults: true,
  hasImageOutput: false,
  imageSizes,
  aspectRatios: [...usualRatios, '1:4', '4:1', '1:8', '8:1'],
  hasAudioOutput: false,
  hasSpeechMetadata: true,
  isTranscriber: false,
  hasTaskType: false,
  mayEndWithModelTurn: false,
  hasHops: false,
};
const g4 = { ...newest, hasHops: true };
const g3b: ModelRules = { ...newest, family: 'g3b' };
const g3a: ModelRules = { ...newest, family: 'g3a', hasSampling: true, mayEndWithModelTurn: true };
const g2: ModelRules = {
  ...g3a,
  family: 'g2',
  thinking: { kind: 'none' },
  hasCandidateCount: true,
  hasJsonWithFunctions: false,
  needsSignature: false,
  signatures: 'g2',
  hasMediaInResults: false,
  imageSizes: [],
  aspectRatios: usualRatios,
  hasSpeechMetadata: false,
};
const gemma4: ModelRules = {
  ...g3a,
  family: 'gemma4',
  thinking: level('MINIMAL', { hasMedium: false }),
  needsSignature: false,
  signatures: 'gemma4',
  hasMediaInResults: false,
  mayEndWithModelTurn: false,
};
const gemma3: ModelRules = {
  ...g2,
  family: 'gemma3',
  hasCandidateCount: false,
  hasSystemInstruction: false,
  signatures: null,
};
const noThinking: ThinkingRule = { kind: 'none' };

/** Observed on the live API between August and November 2026. Version numbers are not monotonic: 3.5-flash-lite is newer than 3.5-flash. */
const table: readonly (readonly [RegExp, ModelRules])[] = [
  [/^gemma-3/, gemma3],
  [/^gemma-4/, gemma4],
  [/^gemini-2\.5-.*image/, { ...g2, hasCandidateCount: false, hasImageOutput: true }],
  [/^gemini-2\.5-.*-tts/, { ...g2, hasCandidateCount: false, hasAudioOutput: true }],
  [/^gemini-2\.5-pro/, { ...g2, thinking: { kind: 'budget', min: 128, max: 32_768, offBudget: 128 } }],
  [/^gemini-2\.5-flash-lite/, { ...g2, thinking: { kind: 'budget', min: 512, max: 24_576, offBudget: 0 } }],
  [/^gemini-2\.5-flash/, { ...g2, thinking: { kind: 'budget', min: 0, max: 24_576, offBudget: 0 } }],
  [/^gemini-[12]([.-]|$)/, g2],
  [/^gemini-3\.1-.*-tts/, { ...g3a, thinking: noThinking, hasAudioOutput: true, hasSpeechMetadata: false }],
  [/^gemini-.*-tts/, { ...g3b, thinking: noThinking, hasAudioOutput: true }],
  [/^gemini-embedding-001/, { ...g3b, thinking: noThinking, hasTaskType: true }],
  [/^gemini-.*embedding/, { ...g3b, thinking: noThinking }],
  [/^gemini-.*-transcribe/, { ...g3b, thinking: noThinking, isTranscriber: true }],
  [
    /^gemini-3\.1-flash-image/,
    {
      ...g3a,
      thinking: level('MINIMAL', { hasMedium: false }),
      hasImageOutput: true,
      imageSizes: ['512', ...imageSizes],
    },
  ],
  [
    /^gemini-3-pro-image/,
    {
      ...g3a,
      thinking: { kind: 'budget', min: 128, max: 32_768, offBudget: 128 },
      hasImageOutput: true,
      aspectRatios: usualRatios,
    },
  ],
  [/^gemini-3(\.1)?-.*image/, { ...g3a, thinking: level('MINIMAL', { hasMedium: false }), hasImageOutput: true }],
  [/^gemini-.*-flash-image/, { ...newest, hasImageOutput: true, imageSizes: ['512', ...imageSizes] }],
  [/nano-banana|^gemini-.*-image/, { ...newest, hasImageOutput: true }],
  [/^gemini-3-pro-preview/, { ...g3a, thinking: level('LOW', { hasMedium: false }) }],
  [/^gemini-(3\.5-flash-lite|3\.6-flash)/, { ...g3b, thinking: level('MINIMAL') }],
  [/^gemini-(3-flash|3\.1-flash-lite|3\.5-flash)/, { ...g3a, thinking: level('MINIMAL') }],
  [/^gemini-3(\.1)?-/, g3a],
  [/^gemini-3\./, g3b],
  [/^gemini-4-hydrogen/, { ...g4, thinking: level('LOW', { hasExtraHigh: true }) }],
  [/^gemini-([4-9]|\d\d)/, g4],
  [/^gemini-flash-lite-latest/, { ...newest, thinking: level('MINIMAL') }],
];

/** The rules of a model; ids that nobody has seen yet behave as the newest. */
export function rulesOf(model: string): ModelRules {
  const id = model.toLowerCase();
  return table.find(([pattern]) => pattern.test(id))?.[1] ?? newest;
}
