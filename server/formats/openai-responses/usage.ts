import type { UsageMetadata } from '../../gemini/types.ts';

/** Usage in the words of the Responses API. Gemini counts thoughts apart from the answer; OpenAI's output tokens include them. */
export function toUsage(usage: UsageMetadata) {
  const reasoning = usage.thoughtsTokenCount ?? 0;
  const input = (usage.promptTokenCount ?? 0) + (usage.toolUsePromptTokenCount ?? 0);
  const output = (usage.candidatesTokenCount ?? 0) + reasoning;
  return {
    input_tokens: input,
    input_tokens_details: { cached_tokens: usage.cachedContentTokenCount ?? 0, cache_write_tokens: 0 },
    output_tokens: output,
    output_tokens_details: { reasoning_tokens: reasoning },
    total_tokens: usage.totalTokenCount ?? input + output,
  };
}
