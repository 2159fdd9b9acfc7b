import type { UsageMetadata } from '../../gemini/types.ts';

/** Usage in Anthropic's words: what came from the cache is not counted as input, and thoughts are output. */
export function toUsage(usage: UsageMetadata) {
  const cached = count(usage.cachedContentTokenCount);
  const prompt = count(usage.promptTokenCount) + count(usage.toolUsePromptTokenCount);
  return {
    input_tokens: Math.max(0, prompt - cached),
    cache_creation_input_tokens: 0,
    cache_read_input_tokens: cached,
    output_tokens: count(usage.candidatesTokenCount) + count(usage.thoughtsTokenCount),
  };
}

/** At the head of a stream nobody has checked yet what Google sent. */
function count(value: unknown): number {
  return Number.isSafeInteger(value) ? (value as number) : 0;
}
