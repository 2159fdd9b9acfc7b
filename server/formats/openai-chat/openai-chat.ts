import type { Content, GenerateContentRequest, Part } from '../../gemini/types.ts';
import { ApiError, invalidRequest } from '../api-error.ts';
import type { ClientFormat, TranslatedRequest, TranslationContext } from '../format.ts';
import { type ModelRules, rulesOf } from '../model-rules.ts';
import { ChatAnswer } from './chat-answer.ts';
import { type ChatRequest, isObject, readRequest } from './request.ts';
import { toConversation } from './to-contents.ts';
import { camelCased, googleExtensions, jsonSchemaOf, toGenerationConfig } from './to-generation-config.ts';
import { type Tools, toTools } from './to-tools.ts';

/** OpenAI's Chat Completions, `POST /v1/chat/completions`. */
export const openaiChat: ClientFormat = { name: 'openai-chat', toGemini };

/** Fields that are read, or that OpenAI defines and that have no meaning here: neither is reported as ignored. */
const knownFields = new Set(
  `model messages stream stream_options max_completion_tokens max_tokens temperature top_p top_k n stop seed presence_penalty
   frequency_penalty logprobs top_logprobs logit_bias user safety_identifier metadata prompt_cache_key prompt_cache_retention
   prompt_cache_options store service_tier verbosity prediction moderation reasoning_effort response_format tools tool_choice
   parallel_tool_calls functions function_call modalities audio web_search_options extra_body google`.split(/\s+/),
);

function toGemini(body: unknown, context: TranslationContext): TranslatedRequest {
  const request = readRequest(body);
  const model = toModelId(request.model);
  const rules = rulesOf(model);
  const tools = toTools(request, rules);
  const { contents, system } = toConversation(request.messages, rules, tools.names, context.signatureOf);
  addSchemaText(system, request, rules, tools);
  const generationConfig = toGenerationConfig(request, rules, tools, context.outputTokenLimit(model));
  const serviceTier = toServiceTier(request.service_tier);
  const gemini: GenerateContentRequest = {
    ...withSystem(contents, system, rules),
    ...tools.gemini,
    ...(Object.keys(generationConfig).length > 0 && { generationConfig }),
    ...(serviceTier && { serviceTier }),
    ...(request.store === false && { store: false }),
  };
  const includeUsage = isObject(request.stream_options) && request.stream_options.include_usage === true;
  const isLegacy = Array.isArray(request.functions) && !Array.isArray(request.tools);
  return {
    requestedModel: request.model,
    model,
    isStreaming: request.stream,
    gemini: withExtensions(gemini, googleExtensions(request)),
    ignoredParams: Object.keys(request).filter((field) => !knownFields.has(field)),
    createAnswer: (head) =>
      new ChatAnswer({
        ...head,
        model: request.model,
        names: tools.names,
        customNames: tools.customNames,
        includeUsage,
        isLegacy,
      }),
  };
}

/** A model id is one segment of a path: whatever could lead elsewhere is no model. */
function toModelId(requested: string): string {
  const id = requested.trim().replace(/^(models|google|gemini)\//, '');
  if (/^[A-Za-z0-9][\w.@-]{0,127}$/.test(id) && !id.includes('..')) return id;
  throw new ApiError(404, 'model_not_found', `The model "${requested.slice(0, 100)}" does not exist.`, {
    param: 'model',
  });
}

/** Models that cannot answer in JSON while they have functions are asked for it in words. */
function addSchemaText(system: Part[], request: ChatRequest, rules: ModelRules, tools: Tools): void {
  if (!tools.hasFunctions || rules.hasJsonWithFunctions) return;
  const schema = jsonSchemaOf(request);
  if (!schema) return;
  system.push({
    text: `When you give your final answer, output only JSON matching this JSON Schema: ${JSON.stringify(schema)}`,
  });
}

function withSystem(contents: Content[], system: Part[], rules: ModelRules): GenerateContentRequest {
  if (system.length === 0) return { contents };
  if (rules.hasSystemInstruction) return { contents, systemInstruction: { parts: system } };
  const text = `${system.map((part) => part.text).join('\n\n')}\n\n`;
  const first = contents.findIndex((content) => content.role === 'user');
  return {
    contents: contents.map((content, index) =>
      index === first ? { ...content, parts: [{ text }, ...(content.parts ?? [])] } : content,
    ),
  };
}

function toServiceTier(tier: unknown): string | null {
  if (tier === undefined || tier === null || tier === 'auto' || tier === 'default' || tier === 'scale') return null;
  if (tier === 'flex') return 'flex';
  if (tier === 'priority' || tier === 'fast') return 'priority';
  throw invalidRequest('`service_tier` must be auto, default, flex or priority.', 'service_tier');
}

const configExtensions = ['responseModalities', 'imageConfig', 'speechConfig', 'mediaResolution'];

/** What Google's own layer takes beside OpenAI's fields. */
function withExtensions(gemini: GenerateContentRequest, extensions: Record<string, unknown>): GenerateContentRequest {
  const google = camelCased(extensions) ?? {};
  if (Object.keys(google).length === 0) return gemini;
  const fromNames = configExtensions.filter((name) => google[name] !== undefined).map((name) => [name, google[name]]);
  const more = {
    ...Object.fromEntries(fromNames),
    ...(isObject(google.generationConfig) ? google.generationConfig : {}),
  };
  const result: GenerateContentRequest = { ...gemini };
  if (Object.keys(more).length > 0) result.generationConfig = { ...gemini.generationConfig, ...more };
  if (Array.isArray(google.safetySettings)) result.safetySettings = google.safetySettings.map(toSafetySetting);
  if (Array.isArray(google.tools)) result.tools = [...(gemini.tools ?? []), ...google.tools];
  if (isObject(google.toolConfig)) result.toolConfig = { ...gemini.toolConfig, ...google.toolConfig };
  if (typeof google.cachedContent !== 'string') return result;
  // These live in the cache; Google refuses them beside it.
  const { systemInstruction: _system, tools: _tools, toolConfig: _config, ...rest } = result;
  return { ...rest, cachedContent: google.cachedContent };
}

/** `method` exists only in Google's other API, Vertex; here it is refused. */
function toSafetySetting(setting: unknown): Record<string, unknown> {
  const { method: _dropped, ...rest } = camelCased(setting) ?? {};
  return rest;
}
