import type { ModelCard } from '../../gemini/types.ts';

/** A model as OpenAI's clients read it, with the fields that some of them look for beside. */
export function toModel(card: ModelCard, created: number) {
  return {
    id: modelId(card),
    object: 'model',
    created,
    owned_by: 'google',
    ...(card.displayName && { name: card.displayName }),
    ...(card.inputTokenLimit && { context_length: card.inputTokenLimit }),
    ...(card.outputTokenLimit && { max_output_tokens: card.outputTokenLimit }),
  };
}

/** The id that clients use: without `models/`. */
export function modelId(card: ModelCard): string {
  return card.name.replace(/^models\//, '');
}
