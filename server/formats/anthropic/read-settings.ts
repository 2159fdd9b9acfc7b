import type { ThinkingConfig } from '../../gemini/types.ts';
import { invalidRequest } from '../api-error.ts';
import type { ModelRules } from '../model-rules.ts';
import { type GenerationSettings, readStop } from '../to-gemini/generation-config.ts';
import { type Fields, isObject, readInteger, readNumber } from '../to-gemini/read-fields.ts';
import { thinkingForBudget, thinkingForEffort, withThoughts } from '../to-gemini/thinking.ts';

/** Up to so many tokens of thinking are a low and a medium effort, for models that know levels only. */
const lowBudgetMax = 2048;
const mediumBudgetMax = 16_384;

/** Reads the settings of an answer. @throws ApiError */
export function readSettings(request: Fields, rules: ModelRules): GenerationSettings {
  const maxOutputTokens = readInteger(request, 'max_tokens', 1);
  return {
    maxOutputTokens,
    // Anthropic's own models end at 1; Gemini's take the range that its other clients have.
    temperature: readNumber(request, 'temperature', 0, 2),
    topP: readNumber(request, 'top_p', 0, 1),
    // 0 is Anthropic's word for no limit.
    topK: readInteger(request, 'top_k', 0) || undefined,
    stopSequences: readStop(request.stop_sequences, 'stop_sequences'),
    json: readFormat(request),
    thinking: readThinking(request, rules, maxOutputTokens),
  };
}

function outputConfig({ output_config: config }: Fields): Fields {
  if (config === undefined || config === null) return {};
  if (!isObject(config)) throw invalidRequest('`output_config` must be an object.', 'output_config');
  return config;
}

/** `output_config.format`, which was `output_format` while it was a beta. */
function readFormat(request: Fields): GenerationSettings['json'] {
  const { format } = outputConfig(request);
  const [value, path] =
    format === undefined ? [request.output_format, 'output_format'] : [format, 'output_config.format'];
  if (value === undefined || value === null) return undefined;
  if (!isObject(value) || value.type !== 'json_schema')
    throw invalidRequest(`\`${path}.type\` must be json_schema.`, `${path}.type`);
  if (!isObject(value.schema)) throw invalidRequest('The JSON Schema is missing.', `${path}.schema`);
  return { schema: value.schema, path: `${path}.schema` };
}

/** `thinking` and `output_config.effort` together. Neither: the model's default, so nothing is sent. */
function readThinking(request: Fields, rules: ModelRules, maxOutputTokens: number | undefined): ThinkingConfig | null {
  const { thinking } = request;
  const { effort } = outputConfig(request);
  const forEffort = (word: unknown) => thinkingForEffort(word, rules, maxOutputTokens, 'output_config.effort');
  const ofEffort = effort === undefined || effort === null ? null : forEffort(effort);
  if (thinking === undefined || thinking === null) return ofEffort;
  const { type, budget_tokens: budget, display } = isObject(thinking) ? thinking : {};
  const isShown = display !== 'omitted';
  switch (type) {
    case 'disabled':
      return forEffort('none');
    case 'enabled':
      return shown(forBudget(readBudget(budget), rules, maxOutputTokens), isShown);
    case 'adaptive':
    case 'between_tools':
      return rules.thinking.kind === 'none' ? null : shown(ofEffort ?? {}, isShown);
    default:
      throw invalidRequest('`thinking.type` must be enabled, disabled or adaptive.', 'thinking.type');
  }
}

function readBudget(budget: unknown): number {
  const path = 'thinking.budget_tokens';
  const tokens = readInteger({ [path]: budget }, path, 1);
  if (tokens === undefined) throw invalidRequest('`thinking.budget_tokens` is missing.', path);
  return tokens;
}

function forBudget(budget: number, rules: ModelRules, maxOutputTokens: number | undefined): ThinkingConfig | null {
  if (rules.thinking.kind === 'budget') return thinkingForBudget(budget, rules.thinking, maxOutputTokens);
  const effort = budget <= lowBudgetMax ? 'low' : budget <= mediumBudgetMax ? 'medium' : 'high';
  return thinkingForEffort(effort, rules, maxOutputTokens, 'thinking.budget_tokens');
}

/** With or without the thoughts themselves; null when nothing is left to say. */
function shown(config: ThinkingConfig | null, isShown: boolean): ThinkingConfig | null {
  if (!config) return null;
  const { includeThoughts: _decidedHere, ...amount } = config;
  const result = withThoughts(amount, isShown);
  return Object.keys(result).length > 0 ? result : null;
}
