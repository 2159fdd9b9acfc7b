import type { GenerateContentRequest, Part } from '../../gemini/types.ts';
import { invalidRequest } from '../api-error.ts';
import {
  type ClientFormat,
  plainRequest,
  type TranslatedRequest,
  type TranslationContext,
  type UpstreamCall,
} from '../format.ts';
import type { ModelRules } from '../model-rules.ts';
import { noTools, toGenerationConfig } from '../to-gemini/generation-config.ts';
import { type Fields, readBody, readBoolean, readNumber, readText } from '../to-gemini/read-fields.ts';
import { typedForm } from '../to-gemini/typed-form.ts';
import { readUploads } from '../to-gemini/uploads.ts';
import { TranscriptAnswer, type TranscriptFormat } from './transcript-answer.ts';

/** OpenAI's text of a recording, `POST /v1/audio/transcriptions`. */
export const openaiTranscriptions: ClientFormat = {
  name: 'openai-transcriptions',
  takesForm: true,
  toGemini: (body, context) => translate(body, 'transcript', context),
};

/** OpenAI's English text of a recording in any language, `POST /v1/audio/translations`. */
export const openaiTranslations: ClientFormat = {
  name: 'openai-translations',
  takesForm: true,
  toGemini: (body, context) => translate(body, 'translation', context),
};

type Task = 'transcript' | 'translation';

const instructions: Record<Task, string> = {
  transcript: 'Transcribe the speech in this audio verbatim. Output only the transcript.',
  translation: 'Translate the speech in this audio into English. Output only the translation.',
};

/** Fields that are read, or that OpenAI defines and that have no meaning here: neither is reported as ignored. */
const knownFields = new Set(
  `model file language prompt response_format temperature stream include timestamp_granularities
   chunking_strategy`.split(/\s+/),
);
/** What a model that only transcribes has no use for. */
const chatOnlyFields = ['prompt', 'temperature'];

function translate(body: unknown, task: Task, context: TranslationContext): TranslatedRequest {
  const form = typedForm(readBody(body), ['temperature'], ['stream']);
  const model = context.modelOf(form.model);
  const rules = context.rulesOf(model);
  const sound = readSound(form);
  const format = readFormat(form);
  const asEvents = readBoolean(form, 'stream');
  // The Interactions API is called unstreamed: its answer makes all events at once.
  const isStreaming = asEvents && !rules.isTranscriber;
  const ignored = Object.keys(form).filter((field) => !knownFields.has(field));
  const unused = rules.isTranscriber ? chatOnlyFields.filter((field) => form[field] !== undefined) : [];
  return {
    ...plainRequest,
    requestedModel: form.model,
    model,
    isStreaming,
    calls: [
      rules.isTranscriber
        ? toInteraction(model, sound, form, task)
        : {
            action: isStreaming ? 'streamGenerateContent' : 'generateContent',
            body: toGeneration(sound, form, task, rules),
          },
    ],
    ignoredParams: [...ignored, ...unused],
    createAnswer: () => new TranscriptAnswer(format, asEvents),
  };
}

/** The question that any model which hears can be asked. */
function toGeneration(sound: Part, form: Fields, task: Task, rules: ModelRules): GenerateContentRequest {
  const language = task === 'transcript' ? readText(form, 'language') : undefined;
  const context = readText(form, 'prompt');
  const text =
    instructions[task] + (language ? ` The language is ${language}.` : '') + (context ? ` Context: ${context}` : '');
  const temperature = readNumber(form, 'temperature', 0, 2);
  const generationConfig = toGenerationConfig({ temperature }, rules, noTools);
  return {
    contents: [{ role: 'user', parts: [sound, { text }] }],
    ...(Object.keys(generationConfig).length > 0 && { generationConfig }),
  };
}

/** A call of a model that only transcribes (https://ai.google.dev/gemini-api/docs/transcribe). @throws ApiError */
function toInteraction(model: string, { inlineData }: Part, form: Fields, task: Task): UpstreamCall {
  if (task === 'translation') throw invalidRequest('This model only transcribes; use one that can translate.', 'model');
  const language = readText(form, 'language');
  const body = {
    model,
    input: [{ type: 'audio', data: inlineData?.data, mime_type: inlineData?.mimeType }],
    ...(language && { generation_config: { transcription_config: { language_codes: [language] } } }),
  };
  return { action: 'interactions', body };
}

function readSound(form: Fields): Part {
  const [sound, ...others] = readUploads(form, 'file', 'audio');
  if (sound && others.length === 0) return sound;
  throw invalidRequest('`file` must be one recording.', 'file');
}

function readFormat({ response_format: format }: Fields): TranscriptFormat {
  if (format === undefined || format === 'json') return 'json';
  if (format === 'text') return 'text';
  throw invalidRequest('`response_format` must be json or text.', 'response_format');
}
