import type { ApiError } from '../api-error.ts';
import { type Fields, isObject } from '../to-gemini/read-fields.ts';
import type { ResponsesRequest } from './request.ts';

/** What of a response is the same from its first event to its last: who it is, and the request's settings with their defaults. */
export function responseHead(request: ResponsesRequest, id: string, created: number) {
  return {
    id,
    object: 'response',
    created_at: created,
    model: request.model,
    background: false,
    instructions: request.instructions ?? null,
    max_output_tokens: request.max_output_tokens ?? null,
    max_tool_calls: request.max_tool_calls ?? null,
    metadata: request.metadata,
    parallel_tool_calls: request.parallel_tool_calls ?? true,
    previous_response_id: request.previous_response_id ?? null,
    prompt_cache_key: request.prompt_cache_key ?? null,
    reasoning: {
      ...request.reasoning,
      effort: request.reasoning.effort ?? null,
      summary: request.reasoning.summary ?? null,
    },
    safety_identifier: request.safety_identifier ?? null,
    store: request.store !== false,
    temperature: request.temperature ?? 1,
    text: { ...request.text, format: request.text.format ?? { type: 'text' } },
    tool_choice: request.tool_choice ?? 'auto',
    tools: Array.isArray(request.tools) ? request.tools.map(toTool) : [],
    top_logprobs: request.top_logprobs ?? 0,
    top_p: request.top_p ?? 1,
    truncation: request.truncation ?? 'disabled',
    user: request.user ?? null,
  };
}

/** A function with the fields that OpenAI fills in when they are left out, and flat as its own are. */
function toTool(tool: unknown): unknown {
  if (!isObject(tool) || tool.type !== 'function') return tool;
  const { function: nested, ...flat } = tool;
  const fields: Fields = isObject(nested) ? { type: 'function', ...nested } : flat;
  return { ...fields, parameters: fields.parameters ?? null, strict: fields.strict ?? false };
}

/** Codes that clients look for; the others are told by one of the two that OpenAI has. */
const keptCodes = new Set([
  'rate_limit_exceeded',
  'insufficient_quota',
  'context_length_exceeded',
  'invalid_image_url',
]);

/** A failure as a response tells of it. */
export function toResponseError({ code, status, message }: ApiError) {
  const isClients = status >= 400 && status < 500 && status !== 408 && status !== 429;
  return { code: keptCodes.has(code) ? code : isClients ? 'invalid_prompt' : 'server_error', message };
}
