import type { TokenUsage } from '../ledger/events.ts';

/** Nothing was used. */
export const noUsage: TokenUsage = {
  inputTokens: 0,
  cachedInputTokens: 0,
  outputTokens: 0,
  reasoningTokens: 0,
  totalTokens: 0,
};

/** Both together. */
export function sumUsage(a: TokenUsage, b: TokenUsage): TokenUsage {
  return {
    inputTokens: a.inputTokens + b.inputTokens,
    cachedInputTokens: a.cachedInputTokens + b.cachedInputTokens,
    outputTokens: a.outputTokens + b.outputTokens,
    reasoningTokens: a.reasoningTokens + b.reasoningTokens,
    totalTokens: a.totalTokens + b.totalTokens,
  };
}

/** To take it away. */
export function negated(usage: TokenUsage): TokenUsage {
  return {
    inputTokens: -usage.inputTokens,
    cachedInputTokens: -usage.cachedInputTokens,
    outputTokens: -usage.outputTokens,
    reasoningTokens: -usage.reasoningTokens,
    totalTokens: -usage.totalTokens,
  };
}
