import type { RememberedSignature, TranslatedRequest, TranslationContext } from '../../server/formats/format.ts';
import { toModelId } from '../../server/formats/model-id.ts';
import { rulesOf } from '../../server/formats/model-rules.ts';
import type { GenerateContentRequest } from '../../server/gemini/types.ts';

/** What a translation knows beside the body, with ids that count. */
export function translationContext(
  signatures: Record<string, RememberedSignature> = {},
  more: Partial<TranslationContext> = {},
): TranslationContext {
  let ids = 0;
  return {
    modelOf: toModelId,
    rulesOf,
    outputTokenLimit: () => undefined,
    signatureOf: (key) => signatures[key],
    randomId: () => `random${++ids}`,
    ...more,
  };
}

/** The one body that goes upstream. */
export function upstreamBody({ calls }: TranslatedRequest): GenerateContentRequest {
  if (calls.length !== 1) throw new Error(`${calls.length} calls instead of one`);
  return calls[0]?.body as GenerateContentRequest;
}
