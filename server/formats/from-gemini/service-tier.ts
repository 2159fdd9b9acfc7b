import type { UsageMetadata } from '../../gemini/types.ts';

const tiers: Record<string, string> = { standard: 'default', flex: 'flex', priority: 'priority' };

/** The tier that served an answer, in OpenAI's words; undefined when Gemini does not tell. */
export function servedTier({ serviceTier = '' }: UsageMetadata): string | undefined {
  return Object.hasOwn(tiers, serviceTier) ? tiers[serviceTier] : undefined;
}
