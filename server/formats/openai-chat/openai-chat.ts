import type { ClientFormat, TranslatedRequest, TranslationContext } from '../format.ts';
import { resourcesIn } from '../gemini/resources-in.ts';
import { Conversation } from '../to-gemini/conversation.ts';
import { toGenerateContent } from '../to-gemini/generate-content.ts';
import { MediaReader } from '../to-gemini/media.ts';
import { toTools } from '../to-gemini/tools.ts';
import { answerAsChat } from './answer-as-chat.ts';
import { readMessages } from './read-messages.ts';
import { readSettings } from './read-settings.ts';
import { readTools } from './read-tools.ts';
import { readRequest } from './request.ts';
import { fromResponsesBody, isResponsesBody } from './responses-body.ts';

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
  if (isResponsesBody(body)) return fromResponsesBody(body, context);
  const request = readRequest(body);
  const model = context.modelOf(request.model);
  const rules = context.rulesOf(model);
  const tools = toTools(readTools(request), rules);
  const media = new MediaReader(context);
  const conversation = new Conversation(rules, tools.names, context);
  readMessages(request.messages, conversation, media);
  const settings = readSettings(request, rules);
  const { body: upstream, signatureUse } = toGenerateContent(
    { model, fields: request, conversation, tools, settings },
    context,
  );
  return {
    requestedModel: request.model,
    model,
    isStreaming: request.stream,
    calls: [{ action: request.stream ? 'streamGenerateContent' : 'generateContent', body: upstream }],
    downloads: media.downloads,
    resources: [...media.resources, ...resourcesIn({ tools: upstream.tools, cachedContent: upstream.cachedContent })],
    signatureUse,
    ignoredParams: Object.keys(request).filter((field) => !knownFields.has(field)),
    createAnswer: answerAsChat(request, tools),
  };
}
