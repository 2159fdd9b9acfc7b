import type { ModalityTokenCount, UsageMetadata } from '../../gemini/types.ts';

/** Usage in OpenAI's words. Gemini counts thoughts apart from the answer; OpenAI's completion tokens include them. */
export function toUsage(usage: UsageMetadata) {
  const reasoning = usage.thoughtsTokenCount ?? 0;
  const prompt = (usage.promptTokenCount ?? 0) + (usage.toolUsePromptTokenCount ?? 0);
  const completion = (usage.candidatesTokenCount ?? 0) + reasoning;
  return {
    prompt_tokens: prompt,
    completion_tokens: completion,
    total_tokens: usage.totalTokenCount ?? prompt + completion,
    prompt_tokens_details: {
      cached_tokens: usage.cachedContentTokenCount ?? 0,
      ...byModality(usage.promptTokensDetails, ['AUDIO', 'IMAGE', 'TEXT']),
    },
    completion_tokens_details: {
      reasoning_tokens: reasoning,
      ...byModality(usage.candidatesTokensDetails, ['AUDIO']),
    },
  };
}

function byModality(details: ModalityTokenCount[] | undefined, modalities: string[]): Record<string, number> {
  const counts = (details ?? []).filter(({ modality }) => modality && modalities.includes(modality));
  return Object.fromEntries(
    counts.map(({ modality, tokenCount }) => [`${modality?.toLowerCase()}_tokens`, tokenCount ?? 0]),
  );
}
