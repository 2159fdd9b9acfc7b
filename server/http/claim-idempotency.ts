import type { Context } from 'koa';
import type { Claim, IdempotencyKeys, KeptAnswer } from '../clients/idempotency.ts';
import { ApiError, invalidRequest } from '../formats/api-error.ts';

/** Stripe's limit. */
const keyCharactersMax = 255;
const retryMs = 1000;

/**
 * Sees to it that a repeated request with the same `Idempotency-Key` is not made twice.
 * @returns null for a request without one; `replay` when it was answered already, with that answer
 * @throws ApiError 409 while the first one is on its way, or when its answer is not kept; 422 when the key came with another body
 */
export function claimIdempotency(
  ctx: Context,
  keys: IdempotencyKeys,
  bodyText: () => string,
): { claim: Claim } | { replay: KeptAnswer } | null {
  const key = ctx.headers['idempotency-key'];
  if (key === undefined) return null;
  if (typeof key !== 'string' || key === '' || key.length > keyCharactersMax)
    throw invalidRequest(`\`Idempotency-Key\` takes 1 to ${keyCharactersMax} characters.`, 'Idempotency-Key');
  const caller = { clientKeyId: ctx.state.client.id, requestId: ctx.state.requestId };
  const claimed = keys.claim(caller, key, bodyText());
  switch (claimed.kind) {
    case 'claimed':
      return { claim: claimed.claim };
    case 'other-body':
      throw new ApiError(422, 'idempotency_key_reused', 'This `Idempotency-Key` came with another body before.', {
        shouldRetry: false,
      });
    case 'running':
      throw new ApiError(409, 'request_in_progress', `The request ${claimed.requestId} with this key is on its way.`, {
        retryAfterMs: retryMs,
      });
    case 'done': {
      if (claimed.answer) return { replay: claimed.answer };
      const message = `The request with this key was made already, as ${claimed.requestId}; its answer is not kept.`;
      throw new ApiError(409, 'request_already_made', message, { shouldRetry: false });
    }
  }
}
