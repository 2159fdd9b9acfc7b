import { builder } from './builder.ts';
import type { UsageTotals } from './context.ts';

type SignatureCounts = Pick<UsageTotals, 'clientSignatures' | 'restoredSignatures' | 'placeholderSignatures'>;

interface Tokens {
  inputTokens: number;
  cachedInputTokens: number;
  outputTokens: number;
  reasoningTokens: number;
  totalTokens: number;
  isEstimated: boolean;
}

export const TokensType = builder.objectRef<Tokens>('Tokens').implement({
  description: 'Token counts. Cached ones are part of the input, reasoning is part of the output.',
  fields: (t) => ({
    input: t.field({ type: 'SafeInt', description: 'Of the prompt.', resolve: ({ inputTokens }) => inputTokens }),
    cachedInput: t.field({
      type: 'SafeInt',
      description: 'Of these, cached.',
      resolve: ({ cachedInputTokens }) => cachedInputTokens,
    }),
    output: t.field({ type: 'SafeInt', description: 'Of the answer.', resolve: ({ outputTokens }) => outputTokens }),
    reasoning: t.field({
      type: 'SafeInt',
      description: 'Of these, thought.',
      resolve: ({ reasoningTokens }) => reasoningTokens,
    }),
    total: t.field({ type: 'SafeInt', description: 'All.', resolve: ({ totalTokens }) => totalTokens }),
    isEstimated: t.exposeBoolean('isEstimated', { description: 'Not all of it was told by Google.' }),
  }),
});

export const SignatureCountsType = builder.objectRef<SignatureCounts>('SignatureCounts').implement({
  description: 'How the thought signatures came that Gemini wants back with its earlier turns.',
  fields: (t) => ({
    client: t.field({
      type: 'SafeInt',
      description: 'Sent back by the caller.',
      resolve: ({ clientSignatures }) => clientSignatures,
    }),
    restored: t.field({
      type: 'SafeInt',
      description: 'Dropped by the caller, remembered by the gateway.',
      resolve: ({ restoredSignatures }) => restoredSignatures,
    }),
    placeholder: t.field({
      type: 'SafeInt',
      description: "Not known: Google's placeholder was sent.",
      resolve: ({ placeholderSignatures }) => placeholderSignatures,
    }),
  }),
});

const picoDigits = 12;

/** Picodollars as dollars; null where nothing has a price. @param unpriced How much has none. */
export function toCost(pico: bigint | number | string, unpriced: number): string | null {
  const amount = BigInt(pico);
  return amount === 0n && unpriced > 0 ? null : toDollars(amount);
}

/** Picodollars as a plain decimal of dollars without needless zeros. */
export function toDollars(pico: bigint): string {
  const digits = String(pico < 0n ? -pico : pico).padStart(picoDigits + 1, '0');
  const decimals = digits.slice(-picoDigits).replace(/0+$/, '');
  return `${pico < 0n ? '-' : ''}${digits.slice(0, -picoDigits)}${decimals && `.${decimals}`}`;
}

export const UsageTotalsType = builder.objectRef<UsageTotals>('UsageTotals').implement({
  description: 'Sums over requests.',
  fields: (t) => ({
    requests: t.field({
      type: 'SafeInt',
      description: 'All, also those still running.',
      resolve: ({ requests }) => requests,
    }),
    succeeded: t.field({ type: 'SafeInt', description: 'Answered.', resolve: ({ succeeded }) => succeeded }),
    failed: t.field({ type: 'SafeInt', description: 'Ended by an error.', resolve: ({ failed }) => failed }),
    cancelled: t.field({ type: 'SafeInt', description: 'The caller hung up.', resolve: ({ cancelled }) => cancelled }),
    rejected: t.field({ type: 'SafeInt', description: 'Refused.', resolve: ({ rejected }) => rejected }),
    tokens: t.field({
      type: TokensType,
      description: 'What they used.',
      resolve: (totals) => ({ ...totals, isEstimated: totals.estimatedRequests > 0 }),
    }),
    signatures: t.field({
      type: SignatureCountsType,
      description: 'How their thought signatures came.',
      resolve: (totals) => totals,
    }),
    cost: t.field({
      type: 'Decimal',
      nullable: true,
      description: 'In US dollars, of what has a price. Null: nothing of it has.',
      resolve: ({ costPico, unpricedRequests }) => toCost(costPico, unpricedRequests),
    }),
    unpricedRequests: t.field({
      type: 'SafeInt',
      description: 'Requests and calls with tokens for which no price is known: `cost` lacks them.',
      resolve: ({ unpricedRequests }) => unpricedRequests,
    }),
  }),
});
