/** What a quota of Google's counts: for one project and one model, within a minute or between two midnights in California. */
export type QuotaKind = 'requests-per-minute' | 'tokens-per-minute' | 'requests-per-day' | 'tokens-per-day';

/** How much of something is granted. Tokens are those of prompts. */
export interface QuotaLimit {
  kind: QuotaKind;
  limit: number;
}

/** Nobody is granted more; a larger number is none that Google would send. */
const limitMax = 1e12;

/**
 * The limits that a 429 tells of, in its `QuotaFailure`: all of those it lists, not only the one that was hit.
 * @param message Its text has a line for each quota, with the limit of those that have no `quotaValue`.
 */
export function limitsIn(violations: readonly Record<string, unknown>[], message: string): QuotaLimit[] {
  return violations.flatMap(({ quotaId = '', quotaMetric = '', quotaValue }) => {
    const kind = kindOf(`${quotaId} ${quotaMetric}`);
    const told = String(quotaValue ?? limitInWords(message, String(quotaMetric)));
    const limit = /^\d{1,13}$/.test(told) ? Number(told) : 0;
    return kind !== null && limit > 0 && limit <= limitMax ? [{ kind, limit }] : [];
  });
}

function limitInWords(message: string, metric: string): string {
  if (metric === '') return '';
  const [, after = ''] = message.split(`metric: ${metric}, limit: `);
  return /^\d+(?![\d.])/.exec(after)?.[0] ?? '';
}

/** Quotas of other things (tokens of answers, pictures, an hour) are not counted here. */
function kindOf(name: string): QuotaKind | null {
  if (/output/i.test(name)) return null;
  const isOfTokens = /token/i.test(name);
  if (/PerDay/i.test(name)) return isOfTokens ? 'tokens-per-day' : 'requests-per-day';
  if (/PerMinute/i.test(name)) return isOfTokens ? 'tokens-per-minute' : 'requests-per-minute';
  return null;
}

/** The project that an error names, as `projects/123`; null for none. Its own text only: a message may quote what a request says. */
export function projectIn(consumer: unknown): string | null {
  return /^projects\/[\w-]{1,64}$/.exec(String(consumer ?? ''))?.[0] ?? null;
}
