import { type ApiError, invalidRequest } from '../api-error.ts';
import { type Fields, isObject, readBody, readBoolean, readText } from '../to-gemini/read-fields.ts';

/** A request of the Responses API as far as its shape has been checked: the rest is checked where it is translated. */
export interface ResponsesRequest extends Fields {
  model: string;
  stream: boolean;
  instructions: string | undefined;
  previous_response_id: string | undefined;
  /** Parts of the answer that the client asks for beside the usual. */
  include: readonly string[];
  reasoning: Fields;
  text: Fields;
  metadata: Fields;
}

/** Fields that are read, or that OpenAI defines and that have no meaning here: neither is reported as ignored. */
const knownFields = new Set(
  `model input instructions stream stream_options max_output_tokens temperature top_p top_logprobs parallel_tool_calls service_tier
   store user safety_identifier metadata prompt_cache_key prompt_cache_retention prompt_cache_options reasoning text tools tool_choice
   previous_response_id conversation background include truncation max_tool_calls prompt context_management moderation
   presence_penalty frequency_penalty extra_body google`.split(/\s+/),
);

/** What would change the answer if it were passed over, with what to do instead. */
const refusedFields: Record<string, string> = {
  prompt: 'Prompt templates are not kept here; send their text as `instructions` and `input`.',
  conversation: 'Conversations are not kept here; use `previous_response_id`, or send the earlier items as `input`.',
};

/** Checks the shape that every later step relies on. @throws ApiError */
export function readRequest(body: unknown): ResponsesRequest {
  const fields = readBody(body);
  if (readBoolean(fields, 'background'))
    throw unsupported('Responses are not made in the background; use `stream`.', 'background');
  for (const [name, message] of Object.entries(refusedFields))
    if (fields[name] !== undefined && fields[name] !== null) throw unsupported(message, name);
  for (const name of ['parallel_tool_calls', 'store']) readBoolean(fields, name);
  for (const name of ['user', 'safety_identifier', 'prompt_cache_key', 'truncation']) readText(fields, name);
  return {
    ...fields,
    stream: readBoolean(fields, 'stream'),
    instructions: readText(fields, 'instructions'),
    previous_response_id: readText(fields, 'previous_response_id'),
    include: readInclude(fields.include),
    reasoning: readObject(fields, 'reasoning'),
    text: readObject(fields, 'text'),
    metadata: readObject(fields, 'metadata'),
  };
}

/** The fields of a request that have no effect. */
export function ignoredFields(request: Fields): string[] {
  return Object.keys(request).filter((field) => !knownFields.has(field));
}

function readInclude(include: unknown): string[] {
  if (include === undefined || include === null) return [];
  if (Array.isArray(include) && include.every((name) => typeof name === 'string')) return include;
  throw invalidRequest('`include` must be a list of texts.', 'include');
}

function readObject(fields: Fields, name: string): Fields {
  const value = fields[name];
  if (value === undefined || value === null) return {};
  if (isObject(value)) return value;
  throw invalidRequest(`\`${name}\` must be an object.`, name);
}

function unsupported(message: string, param: string): ApiError {
  return invalidRequest(message, param, 'unsupported_parameter');
}
