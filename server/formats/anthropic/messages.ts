import { modelName } from '../../gemini/model-name.ts';
import type { GenerateContentRequest, GenerateContentResponse } from '../../gemini/types.ts';
import { type ApiError, invalidRequest } from '../api-error.ts';
import {
  type Answer,
  type ClientFormat,
  plainRequest,
  type TranslatedRequest,
  type TranslationContext,
} from '../format.ts';
import { Conversation } from '../to-gemini/conversation.ts';
import { limitsOf, schemaText, toGenerationConfig } from '../to-gemini/generation-config.ts';
import { MediaReader } from '../to-gemini/media.ts';
import { readBody, readBoolean } from '../to-gemini/read-fields.ts';
import { withSystem } from '../to-gemini/system-instruction.ts';
import { toTools } from '../to-gemini/tools.ts';
import { renderAnthropicError } from './error.ts';
import { MessageAnswer, ping } from './message-answer.ts';
import { readMessages, readSystem } from './read-messages.ts';
import { readSettings } from './read-settings.ts';
import { readTools } from './read-tools.ts';

/** Anthropic's Messages, `POST /v1/messages`. */
export const anthropicMessages: ClientFormat = { name: 'anthropic-messages', toGemini: toMessage, heartbeat: ping };

/** How many tokens a message would be, `POST /v1/messages/count_tokens`. */
export const anthropicCountTokens: ClientFormat = { name: 'anthropic-count-tokens', toGemini: toCount };

/** Fields that are read, or that Anthropic defines and that have no meaning here: neither is reported as ignored. */
const knownFields = new Set(
  `model messages max_tokens system stream stop_sequences temperature top_p top_k thinking output_config output_format tools
   tool_choice metadata service_tier speed inference_geo cache_control container context_management mcp_servers diagnostics
   compaction billing_policy fallbacks fallback_credit_token thread anthropic_version anthropic_beta`.split(/\s+/),
);

function toMessage(body: unknown, context: TranslationContext): TranslatedRequest {
  const { request, model, gemini, names, media, signatureUse } = translate(body, context);
  if (request.max_tokens === undefined || request.max_tokens === null)
    throw invalidRequest('`max_tokens` is required.', 'max_tokens');
  const isStreaming = readBoolean(request, 'stream');
  return {
    requestedModel: request.model,
    model,
    isStreaming,
    calls: [{ action: isStreaming ? 'streamGenerateContent' : 'generateContent', body: gemini }],
    downloads: media.downloads,
    resources: media.resources,
    signatureUse,
    ignoredParams: Object.keys(request).filter((field) => !knownFields.has(field)),
    createAnswer: (head) => new MessageAnswer({ ...head, model: request.model, upstreamModel: model, names }),
  };
}

function toCount(body: unknown, context: TranslationContext): TranslatedRequest {
  const { request, model, gemini, media } = translate(body, context);
  // Only what makes up the prompt counts.
  const { generationConfig: _answer, toolConfig: _choice, ...prompt } = gemini;
  const generateContentRequest = { model: modelName(model), ...prompt };
  return {
    ...plainRequest,
    requestedModel: request.model,
    model,
    isStreaming: false,
    calls: [{ action: 'countTokens', body: { generateContentRequest } }],
    downloads: media.downloads,
    resources: media.resources,
    ignoredParams: Object.keys(request).filter((field) => !knownFields.has(field)),
    createAnswer: () => countAnswer,
  };
}

/** What both endpoints read. */
function translate(body: unknown, context: TranslationContext) {
  const request = readBody(body);
  // The official client asks for it on its own account, and sends everything once it is told.
  if (request.thread !== undefined && request.thread !== null)
    throw invalidRequest(
      'Conversations are not kept here: send all messages, without `thread`.',
      'thread',
      'thread_unsupported_request',
    );
  const model = context.modelOf(request.model);
  const rules = context.rulesOf(model);
  const tools = toTools(readTools(request), rules);
  const media = new MediaReader(context);
  const conversation = new Conversation(rules, tools.names, context, missingResults);
  readSystem(request.system, conversation);
  readMessages(request.messages, conversation, media);
  const settings = readSettings(request, rules);
  const words = schemaText(settings.json, rules, tools);
  if (words !== null) conversation.addSystem([{ text: words }]);
  const built = conversation.build();
  const generationConfig = toGenerationConfig(settings, rules, tools, limitsOf(model, context));
  const gemini: GenerateContentRequest = {
    ...withSystem(built, rules),
    ...tools.gemini,
    ...(Object.keys(generationConfig).length > 0 && { generationConfig }),
  };
  return { request, model, gemini, names: tools.names, media, signatureUse: built.signatureUse };
}

/** In Anthropic's own words, by which its clients know the case. */
function missingResults(ids: readonly string[]): string {
  return (
    `\`tool_use\` ids were found without \`tool_result\` blocks immediately after: ${ids.join(', ')}. ` +
    'Each `tool_use` block must have a corresponding `tool_result` block in the next message.'
  );
}

/** A count is one number and is never streamed. */
const countAnswer: Answer = {
  body: ([response = {}]: readonly GenerateContentResponse[]) => ({
    content: JSON.stringify({ input_tokens: response.totalTokens ?? 0 }),
  }),
  chunk: () => '',
  end: () => '',
  error: (error: ApiError) => JSON.stringify(renderAnthropicError(error, null)),
  signatures: () => new Map(),
};
