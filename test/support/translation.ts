import type { RememberedSignature, TranslatedRequest, TranslationContext } from '../../server/formats/format.ts';
import type { GenerateContentRequest } from '../../server/gemini/types.ts';
import { createModelDirectory } from '../../server/models/model-directory.ts';
import { modelNotFound } from '../../server/models/model-id.ts';
import { noModelsFile } from '../../server/models/models-file.ts';

const { resolve, rulesOf } = createModelDirectory(noModelsFile);

/** The model for a name, as without any alias. @throws ApiError 404 */
export function modelOf(requested: string): string {
  const id = resolve(requested);
  if (id === null) throw modelNotFound(requested, []);
  return id;
}

/** What a translation knows beside the body, with ids that count. */
export function translationContext(
  signatures: Record<string, RememberedSignature> = {},
  more: Partial<TranslationContext> = {},
): TranslationContext {
  let ids = 0;
  return {
    modelOf,
    rulesOf,
    outputTokenLimit: () => undefined,
    signatureOf: (key) => signatures[key],
    responses: { get: () => undefined, item: () => undefined },
    randomId: () => `random${++ids}`,
    ...more,
  };
}

/** The one body that goes upstream. */
export function upstreamBody({ calls }: TranslatedRequest): GenerateContentRequest {
  if (calls.length !== 1) throw new Error(`${calls.length} calls instead of one`);
  return calls[0]?.body as GenerateContentRequest;
}
