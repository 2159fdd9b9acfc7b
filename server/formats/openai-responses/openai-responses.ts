import type { ClientFormat, StoredResponse, TranslatedRequest, TranslationContext } from '../format.ts';
import { resourcesIn } from '../gemini/resources-in.ts';
import { Conversation } from '../to-gemini/conversation.ts';
import { toGenerateContent } from '../to-gemini/generate-content.ts';
import { MediaReader } from '../to-gemini/media.ts';
import { type Tools, toTools } from '../to-gemini/tools.ts';
import { expandInput, type InputItem, itemType } from './input-items.ts';
import { readItems } from './read-items.ts';
import { readSettings, wantsSummary } from './read-settings.ts';
import { readTools } from './read-tools.ts';
import { ignoredFields, type ResponsesRequest, readRequest } from './request.ts';
import { ResponsesAnswer } from './responses-answer.ts';
import type { ToolNamespaces } from './tool-namespaces.ts';

/** OpenAI's Responses, `POST /v1/responses`. */
export const openaiResponses: ClientFormat = { name: 'openai-responses', toGemini };

function toGemini(body: unknown, context: TranslationContext): TranslatedRequest {
  const { request, translated, tools, namespaces, items, previous } = translateRequest(body, context);
  const options = {
    request,
    model: translated.model,
    tools,
    namespaces,
    showsThoughts: wantsSummary(request),
    // A client that has nothing stored with us is to keep them, whether it asked for them or not.
    carriesSignatures: request.include.includes('reasoning.encrypted_content') || request.store === false,
    input: request.store === false ? [] : items.map(({ value }) => withId(value, context)),
    previous,
  };
  return { ...translated, createAnswer: (head) => new ResponsesAnswer({ ...head, ...options }) };
}

/** A request of the Responses API in Gemini's words, without the way back. */
export interface TranslatedResponsesRequest {
  request: ResponsesRequest;
  translated: Omit<TranslatedRequest, 'createAnswer'>;
  tools: Tools;
  namespaces: ToolNamespaces;
  /** The whole conversation. */
  items: InputItem[];
  previous: StoredResponse | undefined;
}

/** Checks and translates a request. @throws ApiError */
export function translateRequest(body: unknown, context: TranslationContext): TranslatedResponsesRequest {
  const request = readRequest(body);
  const model = context.modelOf(request.model);
  const rules = context.rulesOf(model);
  const { items, previous } = expandInput(request, context.responses);
  const offered = readTools(request, toolLists(request, items), rules);
  const { namespaces, namespaceTexts } = offered;
  const tools = toTools(offered.request, rules);
  const media = new MediaReader(context);
  const conversation = new Conversation(rules, tools.names, context, missingResults, 'input');
  for (const text of [request.instructions ?? '', ...namespaceTexts])
    if (text !== '') conversation.addSystem([{ text }]);
  readItems(items, { conversation, media, namespaces });
  const settings = readSettings(request, rules, offered.wantsImages);
  const { body: upstream, signatureUse } = toGenerateContent(
    { model, fields: request, conversation, tools, settings },
    context,
  );
  const translated = {
    requestedModel: request.model,
    model,
    isStreaming: request.stream,
    calls: [{ action: request.stream ? 'streamGenerateContent' : 'generateContent', body: upstream } as const],
    downloads: media.downloads,
    resources: [...media.resources, ...resourcesIn({ tools: upstream.tools, cachedContent: upstream.cachedContent })],
    signatureUse,
    ignoredParams: [...ignoredFields(request), ...offered.ignored],
  };
  return { request, translated, tools, namespaces, items, previous };
}

/** Where a request declares tools: in its own field, and in items by which agents add some. */
function toolLists(request: ResponsesRequest, items: readonly InputItem[]) {
  const added = items.filter(({ value }) => itemType(value) === 'additional_tools');
  return [
    { value: request.tools, path: 'tools' },
    ...added.map(({ value, path }) => ({ value: value.tools, path: `${path}.tools` })),
  ];
}

function missingResults(callIds: readonly string[]): string {
  return `No tool output found for function call ${callIds.join(', ')}. Send a function_call_output item for each function_call.`;
}

/** Stored items have an id, by which they are listed. */
function withId(value: InputItem['value'], { randomId }: TranslationContext): InputItem['value'] {
  if (typeof value.id === 'string') return value;
  const prefix = itemType(value) === 'message' ? 'msg' : 'item';
  return { ...value, type: itemType(value), id: `${prefix}_${randomId(24)}` };
}
