import { type ApiError, invalidRequest } from '../api-error.ts';
import type { ModelRules } from '../model-rules.ts';
import { type GenerationSettings, readStop } from '../to-gemini/generation-config.ts';
import { type Fields, isObject, readInteger, readNumber } from '../to-gemini/read-fields.ts';
import { speechConfig } from '../to-gemini/speech.ts';
import { readThinking } from '../to-gemini/thinking.ts';

const candidatesMax = 8;
const topLogprobsMax = 20;
const modalities = new Set<unknown>(['text', 'audio', 'image']);

/** Reads the scalar fields of a chat request. @throws ApiError */
export function readSettings(request: Fields, rules: ModelRules): GenerationSettings {
  const maxOutputTokens = readInteger(request, 'max_completion_tokens', 1) ?? readInteger(request, 'max_tokens', 1);
  return {
    maxOutputTokens,
    temperature: readNumber(request, 'temperature', 0, 2),
    topP: readNumber(request, 'top_p', 0, 1),
    topK: readInteger(request, 'top_k', 1),
    candidateCount: readCandidateCount(request, rules),
    stopSequences: readStop(request.stop, 'stop'),
    seed: readInteger(request, 'seed', Number.NEGATIVE_INFINITY, Number.POSITIVE_INFINITY),
    logprobs: readLogprobs(request),
    json: readResponseFormat(request.response_format),
    thinking: readThinking(request, request.reasoning_effort, 'reasoning_effort', rules, maxOutputTokens),
    ...readModalities(request, rules),
  };
}

function readCandidateCount(request: Fields, rules: ModelRules): number {
  if ((readInteger(request, 'n', 1) ?? 1) > 1 && !rules.hasCandidateCount) {
    throw invalidRequest('This model gives one answer per request; `n` must be 1.', 'n', 'unsupported_parameter');
  }
  return readInteger(request, 'n', 1, candidatesMax) ?? 1;
}

function readLogprobs(request: Fields): GenerationSettings['logprobs'] {
  const top = readInteger(request, 'top_logprobs', 0, topLogprobsMax);
  if (top !== undefined && request.logprobs !== true)
    throw invalidRequest('`top_logprobs` needs `logprobs: true`.', 'top_logprobs');
  return request.logprobs === true ? { top } : undefined;
}

function readResponseFormat(format: unknown): GenerationSettings['json'] {
  if (format === undefined || format === null) return undefined;
  if (!isObject(format)) throw invalidRequest('`response_format` must be an object.', 'response_format');
  const path = 'response_format.json_schema.schema';
  switch (format.type) {
    case 'text':
      return undefined;
    case 'json_object':
      return { schema: undefined, path };
    case 'json_schema': {
      const schema = isObject(format.json_schema) ? format.json_schema.schema : undefined;
      if (!isObject(schema)) throw invalidRequest('The JSON Schema is missing.', path);
      return { schema, path };
    }
    default:
      throw invalidRequest('`response_format.type` must be text, json_object or json_schema.', 'response_format.type');
  }
}

/** Pictures and speech are an answer's form for the models that make them; asking another one for them would silently give text. */
function readModalities(
  request: Fields,
  rules: ModelRules,
): Pick<GenerationSettings, 'responseModalities' | 'speechConfig'> {
  const wanted = Array.isArray(request.modalities) ? request.modalities : [];
  if (!wanted.every((modality) => modalities.has(modality)))
    throw invalidRequest('`modalities` may have text, audio and image.', 'modalities');
  if (wanted.includes('audio')) {
    if (!rules.hasAudioOutput) throw cannotAnswerWith('audio');
    const voice = isObject(request.audio) ? request.audio.voice : undefined;
    return { responseModalities: ['AUDIO'], speechConfig: speechConfig(voice, 'audio.voice') };
  }
  if (!wanted.includes('image')) return {};
  if (!rules.hasImageOutput) throw cannotAnswerWith('images');
  return { responseModalities: ['TEXT', 'IMAGE'] };
}

function cannotAnswerWith(what: string): ApiError {
  return invalidRequest(`This model does not answer with ${what}.`, 'modalities', 'unsupported_parameter');
}
