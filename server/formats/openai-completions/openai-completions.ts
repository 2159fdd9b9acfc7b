import { invalidRequest } from '../api-error.ts';
import { type ClientFormat, plainRequest, type TranslatedRequest, type TranslationContext } from '../format.ts';
import type { ModelRules } from '../model-rules.ts';
import { readSettings } from '../openai-chat/read-settings.ts';
import { limitsOf, type ModelLimits, noTools, toGenerationConfig } from '../to-gemini/generation-config.ts';
import { type Fields, isObject, readBody, readBoolean, readInteger } from '../to-gemini/read-fields.ts';
import { readTexts } from '../to-gemini/read-texts.ts';
import { CompletionsAnswer } from './completions-answer.ts';

/** OpenAI's completions from before there were chats, `POST /v1/completions`; editors still use them. */
export const openaiCompletions: ClientFormat = { name: 'openai-completions', toGemini };

/** Fields that are read, or that OpenAI defines and that have no meaning here: neither is reported as ignored. */
const knownFields = new Set(
  `model prompt max_tokens max_completion_tokens temperature top_p top_k n stop seed stream stream_options best_of echo suffix logprobs
   presence_penalty frequency_penalty logit_bias user reasoning_effort response_format extra_body google`.split(/\s+/),
);

const promptsMax = 20;

function toGemini(body: unknown, context: TranslationContext): TranslatedRequest {
  const request = readBody(body);
  const model = context.modelOf(request.model);
  const prompts = readTexts(request, 'prompt', promptsMax);
  refuseUnsupported(request);
  const isStreaming = readBoolean(request, 'stream');
  if (isStreaming && prompts.length > 1)
    throw invalidRequest('Only one prompt can be streamed.', 'prompt', 'unsupported_parameter');
  const rules = context.rulesOf(model);
  const settings = toSettings(request, rules, limitsOf(model, context));
  const action = isStreaming ? 'streamGenerateContent' : 'generateContent';
  return {
    ...plainRequest,
    requestedModel: request.model,
    model,
    isStreaming,
    calls: prompts.map((text) => ({ action, body: { contents: [{ role: 'user', parts: [{ text }] }], ...settings } })),
    // The choices are told by their place among the prompts.
    needsAll: true,
    ignoredParams: Object.keys(request).filter((field) => !knownFields.has(field)),
    createAnswer: (head) =>
      new CompletionsAnswer({
        ...head,
        model: request.model,
        includeUsage: isObject(request.stream_options) && request.stream_options.include_usage === true,
      }),
  };
}

/** OpenAI's default of 16 tokens is not taken over: it dates from models that did not know where to stop. */
function toSettings(request: Fields, rules: ModelRules, limits: ModelLimits) {
  const settings = readSettings(request, rules);
  const generationConfig = toGenerationConfig(settings, rules, noTools, limits);
  return Object.keys(generationConfig).length > 0 ? { generationConfig } : {};
}

/** What Gemini cannot do and would change the answer if it were passed over. A value that asks for nothing is no reason to refuse. */
function refuseUnsupported(request: Fields): void {
  if ((readInteger(request, 'n', 1) ?? 1) > 1)
    throw invalidRequest('There is one completion for each prompt; `n` must be 1.', 'n', 'unsupported_parameter');
  if ((readInteger(request, 'best_of', 1) ?? 1) > 1)
    throw invalidRequest('There is one completion for each prompt; `best_of` must be 1.', 'best_of');
  if (readBoolean(request, 'echo')) throw invalidRequest('`echo` is not supported.', 'echo');
  const { suffix, logprobs } = request;
  if (suffix !== undefined && suffix !== null && suffix !== '')
    throw invalidRequest('`suffix` is not supported: Gemini only continues what comes before.', 'suffix');
  if (logprobs !== undefined && logprobs !== null && logprobs !== false)
    throw invalidRequest('`logprobs` is not supported.', 'logprobs');
}
