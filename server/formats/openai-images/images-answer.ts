import { mergeHops } from '../../gemini/merge-hops.ts';
import type { GenerateContentResponse, UsageMetadata } from '../../gemini/types.ts';
import { ApiError } from '../api-error.ts';
import type { Answer, AnswerBody } from '../format.ts';
import { answerParts, answerText, withheldReason } from '../from-gemini/withheld.ts';
import { toErrorEvent, toEvent } from '../openai-chat/events.ts';
import { inputTokensOf, toInputOutputUsage } from '../openai-chat/usage.ts';

export interface ImagesAnswerOptions {
  /** Seconds since 1970. */
  created: number;
  /** Pictures are wanted as addresses: they are in the address itself, as nothing is kept here. */
  asUrls: boolean;
  /** As the client asked for it. */
  size: string;
  /** The type of the event that brings a streamed picture. */
  eventType: 'image_generation.completed' | 'image_edit.completed';
}

/** A picture, as Google made it. */
interface Picture {
  mimeType: string;
  /** Base64. */
  data: string;
  /** What the model wrote beside it. */
  text: string;
}

/** Pictures out of one or several answers. */
export class ImagesAnswer implements Answer {
  readonly #options: ImagesAnswerOptions;
  readonly #frames: GenerateContentResponse[] = [];

  constructor(options: ImagesAnswerOptions) {
    this.#options = options;
  }

  body(responses: readonly GenerateContentResponse[], usage: UsageMetadata): AnswerBody {
    const pictures = readPictures(responses);
    const { created, asUrls } = this.#options;
    const data = pictures.map(({ mimeType, data, text }) => ({
      ...(asUrls ? { url: `data:${mimeType};base64,${data}` } : { b64_json: data }),
      ...(text && { revised_prompt: text }),
    }));
    const output_format = formatOf(pictures[0]);
    return { content: JSON.stringify({ created, data, output_format, usage: toImageUsage(usage) }) };
  }

  chunk(response: GenerateContentResponse): string {
    this.#frames.push(response);
    return '';
  }

  end(usage: UsageMetadata): string {
    const [picture] = readPictures([mergeHops(this.#frames)]);
    return toEvent({
      type: this.#options.eventType,
      b64_json: picture.data,
      created_at: this.#options.created,
      size: this.#options.size,
      quality: 'auto',
      background: 'opaque',
      output_format: formatOf(picture),
      usage: toImageUsage(usage),
    });
  }

  error(error: ApiError): string {
    return toErrorEvent(error);
  }

  signatures(): ReadonlyMap<string, string> {
    return new Map();
  }
}

/** The pictures of those answers that have one. @throws ApiError 400 when none has, in Google's words. */
function readPictures(responses: readonly GenerateContentResponse[]): [Picture, ...Picture[]] {
  const [first, ...others] = responses.flatMap((response) => toPicture(response) ?? []);
  if (first) return [first, ...others];
  const type = 'image_generation_user_error';
  throw new ApiError(400, 'moderation_blocked', reasonOf(responses[0] ?? {}), { type });
}

function toPicture(response: GenerateContentResponse): Picture | null {
  const images = answerParts(response).flatMap(({ inlineData }) => inlineData ?? []);
  const image = images.find(({ mimeType, data }) => data && mimeType?.startsWith('image/'));
  if (!image) return null;
  return { mimeType: image.mimeType ?? '', data: image.data ?? '', text: answerText(response) };
}

/** What a model writes instead of a picture can be an essay. */
const reasonCharactersMax = 500;

function reasonOf(response: GenerateContentResponse): string {
  const { finishReason, finishMessage } = response.candidates?.[0] ?? {};
  const words = finishMessage || answerText(response) || withheldReason(response);
  if (words) return words.slice(0, reasonCharactersMax);
  return `Gemini made no image${finishReason ? ` (${finishReason})` : ''}.`;
}

/** `image/png` is `png` in OpenAI's words. */
function formatOf(picture: Picture | undefined): string {
  return picture?.mimeType.slice('image/'.length) ?? '';
}

function toImageUsage(usage: UsageMetadata) {
  const counts = toInputOutputUsage(usage);
  const image_tokens = inputTokensOf(usage, 'IMAGE');
  const text_tokens = Math.max(0, counts.input_tokens - image_tokens);
  return { ...counts, input_tokens_details: { text_tokens, image_tokens } };
}
