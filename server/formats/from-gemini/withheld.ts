import type { GenerateContentResponse, Part } from '../../gemini/types.ts';
import { toFinishReason } from './finish-reason.ts';

/** Why Google kept an answer back, in its own words where it gives some; null when it did not. */
export function withheldReason({ promptFeedback, candidates }: GenerateContentResponse): string | null {
  const { blockReason, blockReasonMessage } = promptFeedback ?? {};
  if (blockReason && !candidates?.length) return blockReasonMessage || `Prompt blocked by Gemini: ${blockReason}`;
  const { finishReason, finishMessage } = candidates?.[0] ?? {};
  // OTHER and its like say nothing about the content.
  if (toFinishReason(finishReason, false, true) !== 'content_filter') return null;
  return finishMessage || `Response blocked by Gemini: ${finishReason}`;
}

/** The parts of an answer that are meant for the caller: no thoughts. */
export function answerParts({ candidates }: GenerateContentResponse): Part[] {
  return (candidates?.[0]?.content?.parts ?? []).filter((part) => !part.thought);
}

/** The text of an answer. */
export function answerText(response: GenerateContentResponse): string {
  return answerParts(response)
    .map(({ text = '' }) => text)
    .join('');
}
