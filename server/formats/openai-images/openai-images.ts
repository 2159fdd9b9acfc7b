import type { GenerateContentRequest, Part } from '../../gemini/types.ts';
import { invalidRequest } from '../api-error.ts';
import { type ClientFormat, plainRequest, type TranslatedRequest, type TranslationContext } from '../format.ts';
import { type Fields, readBody, readBoolean, readInteger, readText, toText } from '../to-gemini/read-fields.ts';
import { typedForm } from '../to-gemini/typed-form.ts';
import { readUploads } from '../to-gemini/uploads.ts';
import { toImageConfig } from './image-config.ts';
import { ImagesAnswer, type ImagesAnswerOptions } from './images-answer.ts';

/** OpenAI's pictures from words, `POST /v1/images/generations`. */
export const openaiImages: ClientFormat = {
  name: 'openai-images',
  toGemini: (body, context) => translate(readBody(body), [], 'image_generation.completed', context),
};

/** OpenAI's pictures from pictures, `POST /v1/images/edits`. */
export const openaiImageEdits: ClientFormat = {
  name: 'openai-image-edits',
  takesForm: true,
  toGemini(body, context) {
    const form = typedForm(readBody(body), ['n'], ['stream']);
    if (form.mask !== undefined)
      throw invalidRequest('A mask is not supported: say in the prompt what to change.', 'mask');
    const images = readUploads(form, 'image', 'image');
    if (images.length === 0) throw invalidRequest('`image` must be a picture, or several.', 'image');
    return translate(form, images, 'image_edit.completed', context);
  },
};

/** Fields that are read, or that OpenAI defines and that have no meaning here: neither is reported as ignored. */
const knownFields = new Set(
  `model prompt image n size response_format stream partial_images quality style background moderation output_format
   output_compression input_fidelity user safety_identifier`.split(/\s+/),
);

const imagesMax = 10;

function translate(
  request: Fields & { model: string },
  images: Part[],
  eventType: ImagesAnswerOptions['eventType'],
  context: TranslationContext,
): TranslatedRequest {
  const model = context.modelOf(request.model);
  const isStreaming = readBoolean(request, 'stream');
  const count = readInteger(request, 'n', 1, imagesMax) ?? 1;
  if (isStreaming && count > 1)
    throw invalidRequest('Only one picture can be streamed; `n` must be 1.', 'n', 'unsupported_parameter');
  const asUrls = readResponseFormat(request) === 'url';
  const imageConfig = toImageConfig(request.size, context.rulesOf(model));
  const body: GenerateContentRequest = {
    contents: [{ role: 'user', parts: [...images, { text: readPrompt(request) }] }],
    generationConfig: { responseModalities: ['IMAGE'], ...(imageConfig && { imageConfig }) },
  };
  const call = { action: isStreaming ? 'streamGenerateContent' : 'generateContent', body } as const;
  return {
    ...plainRequest,
    requestedModel: request.model,
    model,
    isStreaming,
    calls: Array.from({ length: count }, () => call),
    ignoredParams: Object.keys(request).filter((field) => !knownFields.has(field)),
    createAnswer: ({ created }) =>
      new ImagesAnswer({ created, asUrls, size: imageConfig ? toText(request.size) : 'auto', eventType }),
  };
}

function readPrompt(request: Fields): string {
  const prompt = readText(request, 'prompt');
  if (prompt) return prompt;
  throw invalidRequest('`prompt` must say what the picture is to show.', 'prompt');
}

function readResponseFormat({ response_format: format }: Fields): 'b64_json' | 'url' {
  if (format === undefined || format === null || format === 'b64_json') return 'b64_json';
  if (format === 'url') return 'url';
  throw invalidRequest('`response_format` must be b64_json or url.', 'response_format');
}
