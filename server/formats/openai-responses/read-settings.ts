import type { ThinkingConfig } from '../../gemini/types.ts';
import { invalidRequest } from '../api-error.ts';
import type { ModelRules } from '../model-rules.ts';
import type { GenerationSettings } from '../to-gemini/generation-config.ts';
import { type Fields, isObject, readInteger, readNumber } from '../to-gemini/read-fields.ts';
import { readThinking, withThoughts } from '../to-gemini/thinking.ts';
import type { ResponsesRequest } from './request.ts';

const topLogprobsMax = 20;
const summaries: readonly unknown[] = ['auto', 'concise', 'detailed'];

/** Reads the scalar fields of a request. @param wantsImages The tool that makes pictures was offered. @throws ApiError */
export function readSettings(request: ResponsesRequest, rules: ModelRules, wantsImages: boolean): GenerationSettings {
  const maxOutputTokens = readInteger(request, 'max_output_tokens', 1);
  return {
    maxOutputTokens,
    temperature: readNumber(request, 'temperature', 0, 2),
    topP: readNumber(request, 'top_p', 0, 1),
    logprobs: readLogprobs(request),
    json: readFormat(request.text.format),
    thinking: readReasoning(request, rules, maxOutputTokens),
    responseModalities: wantsImages ? ['TEXT', 'IMAGE'] : undefined,
  };
}

/** Whether the client wants to see the model's thoughts. @throws ApiError */
export function wantsSummary({ reasoning }: ResponsesRequest): boolean {
  const [name, summary] = Object.entries({
    summary: reasoning.summary,
    // The field's older name.
    generate_summary: reasoning.generate_summary,
  }).find(([, value]) => value !== undefined && value !== null) ?? ['summary', undefined];
  if (summary === undefined || summaries.includes(summary)) return summary !== undefined;
  throw invalidRequest(`\`reasoning.${name}\` must be auto, concise or detailed.`, `reasoning.${name}`);
}

function readReasoning(
  request: ResponsesRequest,
  rules: ModelRules,
  maxOutputTokens: number | undefined,
): ThinkingConfig | null {
  const config = readThinking(request, request.reasoning.effort, 'reasoning.effort', rules, maxOutputTokens);
  if (!wantsSummary(request) || rules.thinking.kind === 'none') return config;
  return withThoughts(config ?? {}, true);
}

function readLogprobs(request: ResponsesRequest): GenerationSettings['logprobs'] {
  const top = readInteger(request, 'top_logprobs', 0, topLogprobsMax);
  return top || request.include.includes('message.output_text.logprobs') ? { top } : undefined;
}

/** `text.format`: as Chat's `response_format`, without its inner object. */
function readFormat(format: unknown): GenerationSettings['json'] {
  if (format === undefined || format === null) return undefined;
  if (!isObject(format)) throw invalidRequest('`text.format` must be an object.', 'text.format');
  const path = 'text.format.schema';
  switch (format.type) {
    case 'text':
      return undefined;
    case 'json_object':
      return { schema: undefined, path };
    case 'json_schema':
      return { schema: readSchema(format, path), path };
    default:
      throw invalidRequest('`text.format.type` must be text, json_object or json_schema.', 'text.format.type');
  }
}

function readSchema({ schema }: Fields, path: string): Fields {
  if (isObject(schema)) return schema;
  throw invalidRequest('The JSON Schema is missing.', path);
}
