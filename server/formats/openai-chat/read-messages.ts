import type { Part } from '../../gemini/types.ts';
import { invalidRequest } from '../api-error.ts';
import {
  type Conversation,
  type PastCall,
  type ToolResult,
  toToolArgs,
  toToolResult,
} from '../to-gemini/conversation.ts';
import { fromAudio, fromDataUrl, type MediaReader } from '../to-gemini/media.ts';
import { type Fields, isObject, requireText } from '../to-gemini/read-fields.ts';
import type { ChatMessage, ContentPart, ToolCall } from './request.ts';

/** Adds the messages of a chat to a conversation, in order. @throws ApiError */
export function readMessages(messages: readonly ChatMessage[], conversation: Conversation, media: MediaReader): void {
  for (const [index, message] of messages.entries()) {
    const path = `messages[${index}]`;
    switch (message.role) {
      case 'system':
      case 'developer':
        conversation.addSystem(toParts(message.content, `${path}.content`, media));
        break;
      case 'user':
        conversation.addUser(toParts(message.content, `${path}.content`, media));
        break;
      case 'assistant':
        conversation.addModel(
          answerParts(message, path, media),
          callsOf(message, index),
          signatureIn(message as Fields),
        );
        break;
      case 'tool':
      case 'function':
        addResult(message, path, conversation, media);
    }
  }
}

/** A message's content as Gemini parts. @param path For errors, such as `messages[1].content`. @throws ApiError */
export function toParts(content: ChatMessage['content'], path: string, media: MediaReader): Part[] {
  if (content === null || content === undefined) return [];
  if (typeof content === 'string') return [{ text: content }];
  return content.map((part, index) => toPart(part, `${path}[${index}]`, media));
}

function toPart(part: ContentPart, path: string, media: MediaReader): Part {
  switch (part.type) {
    case 'text':
    case 'input_text':
    case 'output_text':
      return { text: requireText(part.text, `${path}.text`) };
    case 'refusal':
      return { text: requireText(part.refusal, `${path}.refusal`) };
    case 'image_url':
    case 'video_url': {
      const value = part[part.type];
      return media.fromUrl(isObject(value) ? value.url : value, `${path}.${part.type}.url`);
    }
    case 'input_audio':
      return fromAudio(part.input_audio, `${path}.input_audio`);
    case 'file':
      return media.fromFile(part.file, `${path}.file`);
    default:
      throw invalidRequest(
        `Content parts of type "${part.type}" are not supported.`,
        `${path}.type`,
        'unsupported_value',
      );
  }
}

/** What the model said: its text or refusal, and pictures that it made and the client kept. */
function answerParts(message: ChatMessage, path: string, media: MediaReader): Part[] {
  const parts = toParts(message.content, `${path}.content`, media);
  if (parts.every(({ text }) => text === '') && message.refusal)
    parts.push({ text: requireText(message.refusal, `${path}.refusal`) });
  const images = Array.isArray(message.images) ? message.images : [];
  images.forEach((image, index) => {
    const url = isObject(image) && isObject(image.image_url) ? image.image_url.url : undefined;
    if (typeof url === 'string' && url.startsWith('data:'))
      parts.push(fromDataUrl(url, `${path}.images[${index}].image_url.url`));
  });
  return parts;
}

function callsOf(message: ChatMessage, index: number): PastCall[] {
  const path = `messages[${index}]`;
  const calls = (message.tool_calls ?? []).map((call, index): PastCall => {
    const { id, signature } = identityOf(call);
    if (call.custom) {
      const { name, input } = call.custom;
      const custom = `${path}.tool_calls[${index}].custom`;
      const args = { input: requireText(input, `${custom}.input`) };
      return { id, name: requireText(name, `${custom}.name`), args, signature };
    }
    const where = `${path}.tool_calls[${index}].function`;
    const name = requireText(call.function?.name, `${where}.name`);
    if (!name) throw invalidRequest('The name of the called function is missing.', `${where}.name`);
    const args = requireText(call.function?.arguments, `${where}.arguments`);
    return { id, name, args: toToolArgs(args, `${where}.arguments`), signature };
  });
  const legacy = message.function_call;
  if (!isObject(legacy)) return calls;
  const where = `${path}.function_call`;
  const name = requireText(legacy.name, `${where}.name`);
  const args = toToolArgs(requireText(legacy.arguments, `${where}.arguments`), `${where}.arguments`);
  // It has no id of its own; the place in the conversation makes one that is the same in the next request.
  return [...calls, { id: `call_${index}_${name}`, name, args, signature: undefined }];
}

/** Clients bring a signature back in one of several places, or not at all; one library hides it in the id. */
function identityOf(call: ToolCall): { id: string; signature: string | undefined } {
  const [id = call.id, inId] = call.id.split('__thought__');
  const other = call as {
    thought_signature?: unknown;
    thoughtSignature?: unknown;
    provider_specific_fields?: { thought_signature?: unknown };
  };
  const signature =
    signatureIn(call) ??
    (call.function && signatureIn(call.function as Fields)) ??
    other.thought_signature ??
    other.thoughtSignature ??
    other.provider_specific_fields?.thought_signature ??
    inId;
  return { id, signature: typeof signature === 'string' && signature !== '' ? signature : undefined };
}

/** The signature in `extra_content`, under the name of either of Google's APIs. */
function signatureIn({ extra_content: extra }: Fields): string | undefined {
  if (!isObject(extra)) return undefined;
  for (const api of [extra.google, extra.vertex]) {
    if (isObject(api) && typeof api.thought_signature === 'string') return api.thought_signature || undefined;
  }
  return undefined;
}

function addResult(message: ChatMessage, path: string, conversation: Conversation, media: MediaReader): void {
  const result = toResult(message.content, `${path}.content`, media);
  if (message.role === 'tool') {
    const id = requireText(message.tool_call_id, `${path}.tool_call_id`).split('__thought__')[0] ?? '';
    conversation.addResult(id, result, `${path}.tool_call_id`);
    return;
  }
  const id = conversation.pendingIdOf(requireText(message.name, `${path}.name`));
  if (id === undefined)
    throw invalidRequest(`No call of the function "${message.name}" precedes its result.`, `${path}.name`);
  conversation.addResult(id, result, `${path}.name`);
}

/** A tool's answer. @throws ApiError */
export function toResult(content: ChatMessage['content'], path: string, media: MediaReader): ToolResult {
  return toToolResult(toParts(content, path, media));
}
