import type { Answer, AnswerHead } from '../format.ts';
import { wantsGrounding } from '../to-gemini/google-extensions.ts';
import { type Fields, isObject } from '../to-gemini/read-fields.ts';
import type { Tools } from '../to-gemini/tools.ts';
import { ChatAnswer } from './chat-answer.ts';

/** The answer to a request that is to be a chat completion, whichever API's body it came in. */
export function answerAsChat(
  request: Fields & { model: string },
  { names, customNames }: Pick<Tools, 'names' | 'customNames'>,
): (head: AnswerHead) => Answer {
  const { model, stream_options: stream, functions, tools, audio } = request;
  return (head) =>
    new ChatAnswer({
      ...head,
      model,
      names,
      customNames,
      includeUsage: isObject(stream) && stream.include_usage === true,
      isLegacy: Array.isArray(functions) && !Array.isArray(tools),
      showsGrounding: wantsGrounding(request),
      soundFormat: isObject(audio) && audio.format === 'pcm16' ? 'pcm16' : 'wav',
    });
}
