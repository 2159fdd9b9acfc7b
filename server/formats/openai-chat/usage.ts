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

/** The same in the words of OpenAI's newer endpoints. */
export function toInputOutputUsage(usage: UsageMetadata) {
  const { prompt_tokens: input_tokens, completion_tokens: output_tokens, total_tokens } = toUsage(usage);
  return { input_tokens, output_tokens, total_tokens };
}

/** Input tokens of a modality; 0 when Google does not tell them apart. */
export function inputTokensOf(usage: UsageMetadata, modality: string): number {
  return sumOf(usage.promptTokensDetails, modality) ?? 0;
}

function byModality(details: ModalityTokenCount[] | undefined, modalities: string[]): Record<string, number> {
  const counts: Record<string, number> = {};
  for (const modality of modalities) {
    const count = sumOf(details, modality);
    if (count !== undefined) counts[`${modality.toLowerCase()}_tokens`] = count;
  }
  return counts;
}

/** Undefined when the modality is not in the list; it is there once for each call that the answer took. */
function sumOf(details: ModalityTokenCount[] | undefined, wanted: string): number | undefined {
  if (!Array.isArray(details)) return undefined;
  let sum: number | undefined;
  for (const detail of details) {
    if (detail?.modality !== wanted) continue;
    sum = (sum ?? 0) + (Number.isSafeInteger(detail.tokenCount) ? Number(detail.tokenCount) : 0);
  }
  return sum;
}
