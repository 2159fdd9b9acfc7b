import type { GenerationConfig, ThinkingConfig } from '../../gemini/types.ts';
import { invalidRequest } from '../api-error.ts';
import type { TranslationContext } from '../format.ts';
import type { ModelRules } from '../model-rules.ts';
import { isObject } from './read-fields.ts';
import { sanitizeSchema } from './sanitize-schema.ts';
import type { Tools } from './tools.ts';

/** What a client may set, whatever its format calls it. */
export interface GenerationSettings {
  maxOutputTokens?: number | undefined;
  temperature?: number | undefined;
  topP?: number | undefined;
  topK?: number | undefined;
  candidateCount?: number | undefined;
  stopSequences?: string[];
  seed?: number | undefined;
  /** Wanted when set; with how many alternatives per token. */
  logprobs?: { top: number | undefined } | undefined;
  /** The answer is to be JSON: of any shape, or after a JSON Schema. */
  json?: { schema: unknown; path: string } | undefined;
  thinking?: ThinkingConfig | null;
  responseModalities?: string[] | undefined;
  speechConfig?: Record<string, unknown> | undefined;
}

const stopSequencesMax = 5;

/** What the card of a model says of its settings, as far as it is known. */
export interface ModelLimits {
  outputTokens: number | undefined;
  takesTopK: boolean;
}

export function limitsOf(
  model: string,
  context: Pick<TranslationContext, 'outputTokenLimit' | 'takesTopK'>,
): ModelLimits {
  return { outputTokens: context.outputTokenLimit(model), takesTopK: context.takesTopK(model) };
}

const noLimits: ModelLimits = { outputTokens: undefined, takesTopK: true };

/** Of a request that can have no tools. */
export const noTools = { mustCall: false, hasFunctions: false };

/** Settings in Gemini's words. What a model does not take is left out, as Google answers 400 to some of it. @throws ApiError */
export function toGenerationConfig(
  settings: GenerationSettings,
  rules: ModelRules,
  tools: Pick<Tools, 'mustCall' | 'hasFunctions'>,
  limits = noLimits,
): GenerationConfig {
  const { temperature, topP, topK, seed, stopSequences = [], candidateCount = 1, thinking, logprobs } = settings;
  const maxOutputTokens = clampTokens(settings.maxOutputTokens, rules, limits.outputTokens);
  return {
    ...(maxOutputTokens !== undefined && { maxOutputTokens }),
    ...(rules.hasSampling && temperature !== undefined && { temperature }),
    ...(rules.hasSampling && topP !== undefined && { topP }),
    ...(rules.hasSampling && limits.takesTopK && topK !== undefined && { topK }),
    ...(candidateCount > 1 && { candidateCount }),
    ...(stopSequences.length > 0 && { stopSequences }),
    ...(seed !== undefined && { seed: toInt32(seed) }),
    ...(logprobs && { responseLogprobs: true, ...(logprobs.top !== undefined && { logprobs: logprobs.top }) }),
    ...toResponseFormat(settings.json, rules, tools),
    ...(settings.responseModalities && { responseModalities: settings.responseModalities }),
    ...(settings.speechConfig && { speechConfig: settings.speechConfig }),
    ...(thinking && { thinkingConfig: thinking }),
  };
}

/** Stop sequences as a text or a list of texts. @throws ApiError for more than Gemini takes. */
export function readStop(stop: unknown, path: string): string[] {
  if (stop === undefined || stop === null) return [];
  const list = Array.isArray(stop) ? stop : [stop];
  if (!list.every((text) => typeof text === 'string'))
    throw invalidRequest(`\`${path}\` must be a text or a list of texts.`, path);
  const sequences = [...new Set(list.filter((text) => text !== ''))];
  if (sequences.length > stopSequencesMax)
    throw invalidRequest(`At most ${stopSequencesMax} stop sequences are possible.`, path);
  return sequences;
}

/** The words by which a model that cannot answer in JSON while it has functions is asked for it; null when they are not needed. */
export function schemaText(json: GenerationSettings['json'], rules: ModelRules, tools: Tools): string | null {
  if (!tools.hasFunctions || rules.hasJsonWithFunctions || !isObject(json?.schema)) return null;
  return `When you give your final answer, output only JSON matching this JSON Schema: ${JSON.stringify(json.schema)}`;
}

/** Google's seeds have 32 bits. */
function toInt32(seed: number): number {
  return seed >= -(2 ** 31) && seed < 2 ** 31 ? seed : seed % 2 ** 31;
}

function clampTokens(asked: number | undefined, rules: ModelRules, limit: number | undefined): number | undefined {
  return asked !== undefined && limit !== undefined && !rules.hasHops ? Math.min(asked, limit) : asked;
}

function toResponseFormat(
  json: GenerationSettings['json'],
  rules: ModelRules,
  tools: Pick<Tools, 'mustCall' | 'hasFunctions'>,
): Partial<GenerationConfig> {
  // A model that must call a tool, or that cannot do both, gets no format (see `schemaText`).
  if (!json || tools.mustCall || (tools.hasFunctions && !rules.hasJsonWithFunctions)) return {};
  if (json.schema === undefined) return { responseMimeType: 'application/json' };
  return { responseMimeType: 'application/json', responseJsonSchema: sanitizeSchema(json.schema, json.path) };
}
