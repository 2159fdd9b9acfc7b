import type { GenerateContentResponse, UsageMetadata } from '../../gemini/types.ts';
import { ApiError } from '../api-error.ts';
import type { Answer, AnswerBody } from '../format.ts';
import { answerText, withheldReason } from '../from-gemini/withheld.ts';
import { toErrorEvent, toEvent } from '../openai-chat/events.ts';
import { inputTokensOf, toInputOutputUsage } from '../openai-chat/usage.ts';

export type TranscriptFormat = 'json' | 'text';

/** What was said in a recording, whole or piece by piece. */
export class TranscriptAnswer implements Answer {
  readonly #format: TranscriptFormat;
  readonly #asEvents: boolean;
  #text = '';
  #withheld: string | null = null;

  /** @param asEvents The client asked for events, also where the answer comes whole. */
  constructor(format: TranscriptFormat, asEvents: boolean) {
    this.#format = format;
    this.#asEvents = asEvents;
  }

  body([response = {}]: readonly GenerateContentResponse[], usage: UsageMetadata): AnswerBody {
    const deltas = this.chunk(response);
    if (this.#asEvents) return { content: deltas + this.end(usage), contentType: 'text/event-stream; charset=utf-8' };
    const text = this.#whole();
    if (this.#format === 'text') return { content: text, contentType: 'text/plain; charset=utf-8' };
    return { content: JSON.stringify({ text, usage: toTranscriptUsage(usage) }) };
  }

  chunk(response: GenerateContentResponse): string {
    const delta = response.steps ? interactionText(response) : answerText(response);
    this.#text += delta;
    this.#withheld ??= withheldReason(response);
    return delta === '' ? '' : toEvent({ type: 'transcript.text.delta', delta });
  }

  end(usage: UsageMetadata): string {
    return toEvent({ type: 'transcript.text.done', text: this.#whole(), usage: toTranscriptUsage(usage) });
  }

  error(error: ApiError): string {
    return toErrorEvent(error);
  }

  signatures(): ReadonlyMap<string, string> {
    return new Map();
  }

  /** All of it; '' for silence. @throws ApiError when Google kept it back */
  #whole(): string {
    if (this.#text === '' && this.#withheld) throw new ApiError(400, 'content_policy_violation', this.#withheld);
    return this.#text;
  }
}

function interactionText({ steps }: GenerateContentResponse): string {
  const contents = (steps ?? []).flatMap((step) => (Array.isArray(step?.content) ? step.content : []));
  return contents.map((content) => (content?.type === 'text' ? (content.text ?? '') : '')).join('');
}

function toTranscriptUsage(usage: UsageMetadata) {
  const counts = toInputOutputUsage(usage);
  const audio_tokens = inputTokensOf(usage, 'AUDIO');
  const text_tokens = Math.max(0, counts.input_tokens - audio_tokens);
  return { type: 'tokens', ...counts, input_token_details: { text_tokens, audio_tokens } };
}
