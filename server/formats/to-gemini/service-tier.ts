import { invalidRequest } from '../api-error.ts';

/** OpenAI's `service_tier` in Gemini's words; null for the default. @throws ApiError */
export function toServiceTier(tier: unknown): string | null {
  if (tier === undefined || tier === null || tier === 'auto' || tier === 'default' || tier === 'scale') return null;
  if (tier === 'flex') return 'flex';
  if (tier === 'priority' || tier === 'fast') return 'priority';
  throw invalidRequest('`service_tier` must be auto, default, flex or priority.', 'service_tier');
}
