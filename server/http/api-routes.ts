import Router from '@koa/router';
import type { Middleware } from 'koa';
import { anthropicCountTokens, anthropicMessages } from '../formats/anthropic/messages.ts';
import type { ClientFormat } from '../formats/format.ts';
import { openaiChat } from '../formats/openai-chat/openai-chat.ts';
import { openaiCompletions } from '../formats/openai-completions/openai-completions.ts';
import { openaiEmbeddings } from '../formats/openai-embeddings/openai-embeddings.ts';
import { openaiImageEdits, openaiImages } from '../formats/openai-images/openai-images.ts';
import { openaiResponses } from '../formats/openai-responses/openai-responses.ts';
import { openaiSpeech } from '../formats/openai-speech/openai-speech.ts';
import { openaiTranscriptions, openaiTranslations } from '../formats/openai-transcription/openai-transcription.ts';
import type { ResponseStore } from '../responses/response-store.ts';
import { type AnswerParts, answerFormat } from './answer-format.ts';
import { addStoredResponses } from './stored-responses.ts';

interface ApiParts extends AnswerParts {
  /** Lets known clients pass. */
  known: Middleware;
  responses: ResponseStore;
}

/** Every endpoint that is answered by translation, with its format. */
const translated: readonly (readonly [path: string, format: ClientFormat])[] = [
  ['/chat/completions', openaiChat],
  ['/responses', openaiResponses],
  ['/messages', anthropicMessages],
  ['/messages/count_tokens', anthropicCountTokens],
  ['/completions', openaiCompletions],
  ['/embeddings', openaiEmbeddings],
  ['/images/generations', openaiImages],
  ['/images/edits', openaiImageEdits],
  ['/audio/speech', openaiSpeech],
  ['/audio/transcriptions', openaiTranscriptions],
  ['/audio/translations', openaiTranslations],
];

/** The endpoints that clients call, under `/v1`. */
export function apiRoutes({ known, responses, ...parts }: ApiParts): Router {
  const router = new Router({ prefix: '/v1' });
  for (const [path, format] of translated) router.post(path, known, answerFormat(format, parts));
  addStoredResponses(router, known, responses);
  return router;
}
