import type { GenerateContentResponse, Part, UsageMetadata } from '../../gemini/types.ts';
import { ApiError } from '../api-error.ts';
import type { Answer, AnswerBody } from '../format.ts';
import { soundOf, toPcm, toWav } from '../from-gemini/wav.ts';
import { answerParts, withheldReason } from '../from-gemini/withheld.ts';
import { toErrorEvent, toEvent } from '../openai-chat/events.ts';
import { toInputOutputUsage } from '../openai-chat/usage.ts';

/** A WAV file, or its samples alone: 16 bits, little-endian, one channel. */
export type SpeechFormat = 'wav' | 'pcm';

/** Speech as a file, or as events. */
export class SpeechAnswer implements Answer {
  readonly #format: SpeechFormat;
  readonly #parts: Part[] = [];
  #withheld: string | null = null;

  constructor(format: SpeechFormat) {
    this.#format = format;
  }

  body([response = {}]: readonly GenerateContentResponse[]): AnswerBody {
    this.#read(response);
    return { content: this.#file(), contentType: `audio/${this.#format}` };
  }

  /** Samples are passed on as they come. A WAV file says in its head how long it is, so it is sent whole at the end. */
  chunk(response: GenerateContentResponse): string {
    const parts = this.#read(response);
    const sound = this.#format === 'pcm' ? soundOf(parts) : null;
    return sound ? toDelta(toPcm(sound.data)) : '';
  }

  end(usage: UsageMetadata): string {
    const file = this.#file();
    const last = this.#format === 'wav' ? toDelta(file) : '';
    return last + toEvent({ type: 'speech.audio.done', usage: toInputOutputUsage(usage) });
  }

  error(error: ApiError): string {
    return toErrorEvent(error);
  }

  signatures(): ReadonlyMap<string, string> {
    return new Map();
  }

  #read(response: GenerateContentResponse): Part[] {
    const parts = answerParts(response);
    this.#parts.push(...parts);
    this.#withheld ??= withheldReason(response);
    return parts;
  }

  /** All of it. @throws ApiError when there is none */
  #file(): Buffer {
    const sound = soundOf(this.#parts);
    if (sound) return this.#format === 'wav' ? toWav(sound) : toPcm(sound.data);
    if (this.#withheld) throw new ApiError(400, 'content_policy_violation', this.#withheld);
    throw new ApiError(502, 'empty_response', 'Gemini gave no speech.');
  }
}

function toDelta(sound: Buffer): string {
  return toEvent({ type: 'speech.audio.delta', audio: sound.toString('base64') });
}
