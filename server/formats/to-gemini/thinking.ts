import type { ThinkingConfig } from '../../gemini/types.ts';
import { ApiError, invalidRequest } from '../api-error.ts';
import type { ModelRules, ThinkingRule } from '../model-rules.ts';
import { filled, googleExtensions } from './google-extensions.ts';
import { type Fields, isObject } from './read-fields.ts';

const efforts: Record<string, readonly [budget: number, level: string]> = {
  none: [0, 'MINIMAL'],
  minimal: [512, 'MINIMAL'],
  low: [1024, 'LOW'],
  medium: [8192, 'MEDIUM'],
  high: [24_576, 'HIGH'],
  xhigh: [32_768, 'XHIGH'],
  max: [32_768, 'XHIGH'],
};

/** Of a small output limit, this share may be thought (contract of 2.5 models, whose thoughts count as output). */
const thinkingShareMax = 0.8;

/**
 * How much a request of OpenAI's formats wants thought: its effort, or the same in Google's own words. Absent: the model's default, so
 * null and nothing is sent.
 * @throws ApiError @param path Of the effort, for the error.
 */
export function readThinking(
  request: Fields,
  effort: unknown,
  path: string,
  rules: ModelRules,
  maxOutputTokens: number | undefined,
): ThinkingConfig | null {
  const explicit = explicitThinking(request);
  if (effort === undefined || effort === null) return (rules.thinking.kind !== 'none' && explicit) || null;
  if (explicit && (explicit.thinkingBudget !== undefined || explicit.thinkingLevel !== undefined)) {
    throw new ApiError(400, 'conflicting_parameters', `Both ${path} and thinking_config cannot be set`, {
      param: path,
    });
  }
  const config = thinkingForEffort(effort, rules, maxOutputTokens, path);
  if (!config || explicit?.includeThoughts === undefined) return config;
  return { ...config, includeThoughts: explicit.includeThoughts };
}

/** What is asked for in Google's own words. */
function explicitThinking(request: Fields): ThinkingConfig | undefined {
  const { thinkingConfig } = googleExtensions(request);
  if (!isObject(thinkingConfig)) return undefined;
  const config = filled(thinkingConfig);
  return Object.keys(config).length > 0 ? (config as ThinkingConfig) : undefined;
}

/**
 * How much a model thinks for an effort in OpenAI's words, which Anthropic's are too.
 * @returns null when the model does not think.
 * @throws ApiError for an unknown word. @param path Of the field, for the error.
 */
export function thinkingForEffort(
  effort: unknown,
  { thinking }: ModelRules,
  maxOutputTokens: number | undefined,
  path: string,
): ThinkingConfig | null {
  const known = typeof effort === 'string' && Object.hasOwn(efforts, effort) ? efforts[effort] : undefined;
  if (!known) throw invalidRequest(`\`${path}\` must be one of ${Object.keys(efforts).join(', ')}.`, path);
  const [budget, wanted] = known;
  const mayShow = effort !== 'none' && effort !== 'minimal';
  if (thinking.kind === 'none') return null;
  if (thinking.kind === 'budget') {
    const asked = effort === 'none' ? thinking.offBudget : budget;
    return withThoughts(thinkingForBudget(asked, thinking, maxOutputTokens), mayShow);
  }
  return withThoughts({ thinkingLevel: toLevel(wanted, thinking) }, mayShow);
}

/** A budget in tokens within the limits of the model and of the answer. */
export function thinkingForBudget(
  asked: number,
  { min, max, offBudget }: Extract<ThinkingRule, { kind: 'budget' }>,
  maxOutputTokens: number | undefined,
): ThinkingConfig {
  const budget = asked <= 0 ? offBudget : Math.min(max, Math.max(min, asked));
  const isTight = maxOutputTokens !== undefined && maxOutputTokens <= budget;
  return { thinkingBudget: isTight ? Math.max(min, Math.floor(maxOutputTokens * thinkingShareMax)) : budget };
}

/** Thoughts are shown only where there are any. */
export function withThoughts(config: ThinkingConfig, mayShow: boolean): ThinkingConfig {
  const isOff = config.thinkingLevel === 'MINIMAL' || config.thinkingBudget === 0;
  return mayShow && !isOff ? { ...config, includeThoughts: true } : config;
}

function toLevel(
  wanted: string,
  { minimum, hasMedium, hasExtraHigh }: Extract<ThinkingRule, { kind: 'level' }>,
): string {
  if (wanted === 'XHIGH') return hasExtraHigh ? 'XHIGH' : 'HIGH';
  if (wanted === 'HIGH') return 'HIGH';
  if (wanted === 'MEDIUM') return hasMedium ? 'MEDIUM' : 'HIGH';
  if (wanted === 'LOW') return hasMedium || minimum === 'LOW' ? 'LOW' : 'MINIMAL';
  return minimum;
}
