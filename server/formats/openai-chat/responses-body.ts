import type { TranslatedRequest, TranslationContext } from '../format.ts';
import { translateRequest } from '../openai-responses/openai-responses.ts';
import { type Fields, isObject } from '../to-gemini/read-fields.ts';
import { answerAsChat } from './answer-as-chat.ts';

/** A body of the Responses API, which Cursor's agent mode sends to the chat's address. */
export function isResponsesBody(body: unknown): body is Fields {
  return isObject(body) && body.messages === undefined && body.input !== undefined;
}

/** Reads such a body as what it is, and answers it as a chat, which is what the sender reads. @throws ApiError */
export function fromResponsesBody(body: Fields, context: TranslationContext): TranslatedRequest {
  const { request, translated, tools } = translateRequest(body, context);
  return { ...translated, createAnswer: answerAsChat(request, tools) };
}
