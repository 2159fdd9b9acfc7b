import type { GenerationConfig, ThinkingConfig } from '../../gemini/types.ts';
import { ApiError, invalidRequest } from '../api-error.ts';
import type { ModelRules } from '../model-rules.ts';
import { sanitizeSchema } from '../sanitize-schema.ts';
import { type ChatRequest, isObject } from './request.ts';
import type { Tools } from './to-tools.ts';

const stopSequencesMax = 5;
const candidatesMax = 8;

/** Translates the scalar fields. Fields that the model does not take are left out, as Google answers 400 to some of them. @throws ApiError */
export function toGenerationConfig(
  request: ChatRequest,
  rules: ModelRules,
  tools: Tools,
  outputTokenLimit: number | undefined,
): GenerationConfig {
  const maxOutputTokens = readMaxTokens(request, rules, outputTokenLimit);
  const temperature = readNumber(request, 'temperature', 0, 2);
  const topP = readNumber(request, 'top_p', 0, 1);
  const topK = readInteger(request, 'top_k', 1, 1_000_000);
  const seed = readInteger(request, 'seed', Number.MIN_SAFE_INTEGER, Number.MAX_SAFE_INTEGER);
  const stopSequences = readStop(request.stop);
  const candidateCount = readCandidateCount(request, rules);
  const thinkingConfig = toThinkingConfig(request, rules, maxOutputTokens);
  return {
    ...(maxOutputTokens !== undefined && { maxOutputTokens }),
    ...(rules.hasSampling && temperature !== undefined && { temperature }),
    ...(rules.hasSampling && topP !== undefined && { topP }),
    ...(rules.hasSampling && topK !== undefined && { topK }),
    ...(candidateCount > 1 && { candidateCount }),
    ...(stopSequences.length > 0 && { stopSequences }),
    ...(seed !== undefined && { seed: seed % 2 ** 31 }),
    ...readLogprobs(request),
    ...toResponseFormat(request, rules, tools),
    ...toModalities(request, rules),
    ...(thinkingConfig && { thinkingConfig }),
  };
}

function readMaxTokens(request: ChatRequest, rules: ModelRules, limit: number | undefined): number | undefined {
  const name = request.max_completion_tokens != null ? 'max_completion_tokens' : 'max_tokens';
  const value = readInteger(request, name, 1, Number.MAX_SAFE_INTEGER);
  return value !== undefined && limit !== undefined && !rules.hasHops ? Math.min(value, limit) : value;
}

function readStop(stop: unknown): string[] {
  if (stop === undefined || stop === null) return [];
  const list = Array.isArray(stop) ? stop : [stop];
  if (!list.every((text) => typeof text === 'string'))
    throw invalidRequest('`stop` must be a text or a list of texts.', 'stop');
  const sequences = [...new Set(list.filter((text) => text !== ''))];
  if (sequences.length > stopSequencesMax)
    throw invalidRequest(`At most ${stopSequencesMax} stop sequences are possible.`, 'stop');
  return sequences;
}

function readCandidateCount(request: ChatRequest, rules: ModelRules): number {
  const count = readInteger(request, 'n', 1, candidatesMax) ?? 1;
  if (count > 1 && !rules.hasCandidateCount) {
    throw invalidRequest('This model gives one answer per request; `n` must be 1.', 'n', 'unsupported_parameter');
  }
  return count;
}

function readLogprobs(request: ChatRequest): Pick<GenerationConfig, 'responseLogprobs' | 'logprobs'> {
  const top = readInteger(request, 'top_logprobs', 0, 20);
  if (top !== undefined && request.logprobs !== true)
    throw invalidRequest('`top_logprobs` needs `logprobs: true`.', 'top_logprobs');
  if (request.logprobs !== true) return {};
  return { responseLogprobs: true, ...(top !== undefined && { logprobs: top }) };
}

function toResponseFormat(request: ChatRequest, rules: ModelRules, tools: Tools): Partial<GenerationConfig> {
  const format = request.response_format;
  if (format === undefined || format === null) return {};
  if (!isObject(format)) throw invalidRequest('`response_format` must be an object.', 'response_format');
  if (format.type === 'text') return {};
  // A model that must call a tool, or that cannot do both, gets no format (see the system text in openai-chat.ts).
  if (tools.mustCall || (tools.hasFunctions && !rules.hasJsonWithFunctions)) return {};
  if (format.type === 'json_object') return { responseMimeType: 'application/json' };
  const schema = jsonSchemaOf(request);
  return {
    responseMimeType: 'application/json',
    responseJsonSchema: sanitizeSchema(schema, 'response_format.json_schema.schema'),
  };
}

/** The schema of the wanted answer; undefined when none is asked for. @throws ApiError */
export function jsonSchemaOf(request: ChatRequest): unknown {
  const format = request.response_format;
  if (!isObject(format) || format.type !== 'json_schema') {
    if (!isObject(format) || format.type === 'text' || format.type === 'json_object') return undefined;
    throw invalidRequest('`response_format.type` must be text, json_object or json_schema.', 'response_format.type');
  }
  const schema = isObject(format.json_schema) ? format.json_schema.schema : undefined;
  if (!isObject(schema)) throw invalidRequest('The JSON Schema is missing.', 'response_format.json_schema.schema');
  return schema;
}

function toModalities(request: ChatRequest, _rules: ModelRules): Partial<GenerationConfig> {
  const wanted = request.modalities;
  if (!Array.isArray(wanted)) return {};
  if (wanted.includes('audio')) {
    throw invalidRequest('This model does not answer with audio.', 'modalities', 'unsupported_parameter');
  }
  return wanted.includes('image') ? { responseModalities: ['TEXT', 'IMAGE'] } : {};
}

const levels: Record<string, readonly [budget: number, level: string]> = {
  none: [0, 'MINIMAL'],
  minimal: [512, 'MINIMAL'],
  low: [1024, 'LOW'],
  medium: [8192, 'MEDIUM'],
  high: [24_576, 'HIGH'],
  xhigh: [32_768, 'XHIGH'],
  max: [32_768, 'XHIGH'],
};

/** `reasoning_effort`, or the same in Google's own words. Absent: the model's default, so nothing is sent. */
function toThinkingConfig(
  request: ChatRequest,
  rules: ModelRules,
  maxOutputTokens: number | undefined,
): ThinkingConfig | null {
  const google = googleExtensions(request);
  const explicit = camelCased(google.thinking_config ?? google.thinkingConfig) as ThinkingConfig | undefined;
  const effort = request.reasoning_effort;
  const hasEffort = effort !== undefined && effort !== null;
  if (explicit && hasEffort && (explicit.thinkingBudget !== undefined || explicit.thinkingLevel !== undefined)) {
    throw new ApiError(400, 'conflicting_parameters', 'Both reasoning_effort and thinking_config cannot be set', {
      param: 'reasoning_effort',
    });
  }
  if (!hasEffort) return explicit ?? null;
  const known = levels[String(effort)];
  if (!known)
    throw invalidRequest(`\`reasoning_effort\` must be one of ${Object.keys(levels).join(', ')}.`, 'reasoning_effort');
  const config = forEffort(String(effort), known, rules, maxOutputTokens);
  return config && explicit?.includeThoughts !== undefined
    ? { ...config, includeThoughts: explicit.includeThoughts }
    : config;
}

function forEffort(
  effort: string,
  [budget, wanted]: readonly [number, string],
  { thinking }: ModelRules,
  maxOutputTokens: number | undefined,
): ThinkingConfig | null {
  if (thinking.kind === 'none') return null;
  const mayShow = effort !== 'none' && effort !== 'minimal';
  if (thinking.kind === 'budget') {
    const asked = effort === 'none' ? thinking.offBudget : Math.min(thinking.max, Math.max(thinking.min, budget));
    const isTight = maxOutputTokens !== undefined && maxOutputTokens <= asked;
    const thinkingBudget = isTight ? Math.max(thinking.min, Math.floor(maxOutputTokens * 0.8)) : asked;
    return { thinkingBudget, ...(mayShow && thinkingBudget > 0 && { includeThoughts: true }) };
  }
  const thinkingLevel = toLevel(wanted, thinking);
  return { thinkingLevel, ...(mayShow && thinkingLevel !== 'MINIMAL' && { includeThoughts: true }) };
}

function toLevel(
  wanted: string,
  { minimum, hasMedium, hasExtraHigh }: Extract<ModelRules['thinking'], { kind: 'level' }>,
): string {
  if (wanted === 'XHIGH') return hasExtraHigh ? 'XHIGH' : 'HIGH';
  if (wanted === 'HIGH') return 'HIGH';
  if (wanted === 'MEDIUM') return hasMedium ? 'MEDIUM' : 'HIGH';
  if (wanted === 'LOW') return hasMedium || minimum === 'LOW' ? 'LOW' : 'MINIMAL';
  return minimum;
}

/** What clients send for Google's own layer: `extra_body.google` (as the Python client nests it) or `google`. */
export function googleExtensions(request: ChatRequest): Record<string, unknown> {
  const nested = isObject(request.extra_body) ? request.extra_body.google : undefined;
  return isObject(nested) ? nested : isObject(request.google) ? request.google : {};
}

/** Keys of one object in Gemini's spelling. */
export function camelCased(value: unknown): Record<string, unknown> | undefined {
  if (!isObject(value)) return undefined;
  const toCamel = (key: string) => key.replace(/_([a-z])/g, (_match, letter: string) => letter.toUpperCase());
  return Object.fromEntries(
    Object.entries(value).map(([key, child]) => [toCamel(key), isObject(child) ? camelCased(child) : child]),
  );
}

function readNumber(request: ChatRequest, name: string, min: number, max: number): number | undefined {
  const value = request[name];
  if (value === undefined || value === null) return undefined;
  if (typeof value === 'number' && value >= min && value <= max) return value;
  throw invalidRequest(`\`${name}\` must be a number from ${min} to ${max}.`, name);
}

function readInteger(request: ChatRequest, name: string, min: number, max: number): number | undefined {
  const value = request[name];
  if (value === undefined || value === null) return undefined;
  if (Number.isInteger(value) && (value as number) >= min && (value as number) <= max) return value as number;
  throw invalidRequest(
    `\`${name}\` must be a whole number${max < 1e9 ? ` from ${min} to ${max}` : ` of at least ${min}`}.`,
    name,
  );
}
