import type { GenerateContentResponse, UsageMetadata } from '../../gemini/types.ts';
import type { ApiError } from '../api-error.ts';
import type { Answer, AnswerBody, AnswerHead } from '../format.ts';
import { toFinishReason } from '../from-gemini/finish-reason.ts';
import { answerText } from '../from-gemini/withheld.ts';
import { toErrorEvent } from '../openai-chat/events.ts';
import { toUsage } from '../openai-chat/usage.ts';

export interface CompletionsAnswerOptions extends AnswerHead {
  /** As the client named it. */
  model: string;
  /** The stream ends with a usage chunk. */
  includeUsage: boolean;
}

/** Completions: one choice for each prompt, or the chunks of one. */
export class CompletionsAnswer implements Answer {
  readonly #options: CompletionsAnswerOptions;
  #id = '';
  #fingerprint: string | undefined;
  #hasText = false;
  #finishReason: string | undefined;
  #isBlocked = false;

  constructor(options: CompletionsAnswerOptions) {
    this.#options = options;
  }

  body(responses: readonly GenerateContentResponse[], usage: UsageMetadata): AnswerBody {
    this.#begin(responses[0] ?? {});
    const choices = responses.map((response, index) => {
      const text = answerText(response);
      return toChoice(index, text, finishOf(response, text !== ''));
    });
    return { content: JSON.stringify({ ...this.#head(), choices, usage: toUsage(usage) }) };
  }

  chunk(response: GenerateContentResponse): string {
    this.#begin(response);
    const text = answerText(response);
    this.#hasText ||= text !== '';
    this.#finishReason = response.candidates?.[0]?.finishReason ?? this.#finishReason;
    this.#isBlocked ||= isBlocked(response);
    return text === '' ? '' : this.#frame([toChoice(0, text, null)]);
  }

  end(usage: UsageMetadata): string {
    this.#begin({});
    const finish = this.#isBlocked ? 'content_filter' : toFinishReason(this.#finishReason, false, this.#hasText);
    const last = this.#frame([toChoice(0, '', finish)]);
    return `${last}${this.#options.includeUsage ? this.#frame([], toUsage(usage)) : ''}data: [DONE]\n\n`;
  }

  error(error: ApiError): string {
    return toErrorEvent(error);
  }

  signatures(): ReadonlyMap<string, string> {
    return new Map();
  }

  #begin({ responseId, modelVersion }: GenerateContentResponse): void {
    if (this.#id !== '') return;
    this.#id = `cmpl-${responseId || this.#options.randomId(24)}`;
    this.#fingerprint = modelVersion;
  }

  #head() {
    const { created, model } = this.#options;
    const fingerprint = this.#fingerprint && { system_fingerprint: this.#fingerprint };
    return { id: this.#id, object: 'text_completion', created, model, ...fingerprint };
  }

  #frame(choices: object[], usage: object | null = null): string {
    const counted = this.#options.includeUsage && { usage };
    return `data: ${JSON.stringify({ ...this.#head(), choices, ...counted })}\n\n`;
  }
}

function toChoice(index: number, text: string, finish_reason: string | null) {
  return { index, text, logprobs: null, finish_reason };
}

function finishOf(response: GenerateContentResponse, hasText: boolean): string {
  if (isBlocked(response)) return 'content_filter';
  return toFinishReason(response.candidates?.[0]?.finishReason, false, hasText);
}

function isBlocked({ promptFeedback, candidates }: GenerateContentResponse): boolean {
  return promptFeedback?.blockReason !== undefined && !candidates?.length;
}
