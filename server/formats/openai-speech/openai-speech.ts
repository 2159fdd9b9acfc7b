import type { GenerateContentRequest, Part } from '../../gemini/types.ts';
import { invalidRequest } from '../api-error.ts';
import { type ClientFormat, plainRequest, type TranslatedRequest, type TranslationContext } from '../format.ts';
import type { ModelRules } from '../model-rules.ts';
import { type Fields, isObject, readBody, readText } from '../to-gemini/read-fields.ts';
import { speechConfig } from '../to-gemini/speech.ts';
import { SpeechAnswer, type SpeechFormat } from './speech-answer.ts';

/** OpenAI's speech, `POST /v1/audio/speech`. */
export const openaiSpeech: ClientFormat = { name: 'openai-speech', toGemini };

/** Fields that are read; `speed` is reported as ignored unless it asks for nothing. */
const knownFields = new Set('model input voice instructions response_format stream_format'.split(' '));

/** Google's names of the formats that it can give. */
const geminiTypes: Record<SpeechFormat, string> = { wav: 'AUDIO_WAV', pcm: 'AUDIO_L16' };

function toGemini(body: unknown, context: TranslationContext): TranslatedRequest {
  const request = readBody(body);
  const model = context.modelOf(request.model);
  const rules = context.rulesOf(model);
  const format = readFormat(request);
  const isStreaming = readIsStreaming(request);
  const voice = isObject(request.voice) ? request.voice.id : request.voice;
  const speech = speechConfig(voice, 'voice');
  const gemini: GenerateContentRequest = {
    contents: [{ role: 'user', parts: [toPart(request, rules)] }],
    generationConfig: {
      responseModalities: ['AUDIO'],
      ...(speech && { speechConfig: speech }),
      ...(rules.hasSpeechMetadata && { responseFormat: { audio: { mimeType: geminiTypes[format] } } }),
    },
  };
  return {
    ...plainRequest,
    requestedModel: request.model,
    model,
    isStreaming,
    calls: [{ action: isStreaming ? 'streamGenerateContent' : 'generateContent', body: gemini }],
    expects: 'audio',
    ignoredParams: ignoredOf(request),
    createAnswer: () => new SpeechAnswer(format),
  };
}

/** What is to be said, and how: in a field of its own, or before the text where the model has none. */
function toPart(request: Fields, rules: ModelRules): Part {
  const text = readText(request, 'input');
  if (!text) throw invalidRequest('`input` must be the text to be spoken.', 'input');
  const style = readText(request, 'instructions');
  if (!style) return { text };
  return rules.hasSpeechMetadata ? { text, speechMetadata: { style } } : { text: `${style}: ${text}` };
}

/** OpenAI's own default is MP3, which Google does not give: a client that names no format gets one that is labelled as what it is. */
function readFormat({ response_format: format }: Fields): SpeechFormat {
  if (format === undefined || format === null || format === 'wav') return 'wav';
  if (format === 'pcm') return 'pcm';
  throw invalidRequest('Unsupported `response_format`: it must be wav or pcm.', 'response_format');
}

function readIsStreaming({ stream_format: format }: Fields): boolean {
  if (format === undefined || format === null || format === 'audio') return false;
  if (format === 'sse') return true;
  throw invalidRequest('`stream_format` must be audio or sse.', 'stream_format');
}

function ignoredOf(request: Fields): string[] {
  const ignored = Object.keys(request).filter((field) => !knownFields.has(field));
  return request.speed === 1 || request.speed === null ? ignored.filter((field) => field !== 'speed') : ignored;
}
