import type { Content, GenerateContentRequest } from './types.ts';

/** A change that lets a request pass which Google refused, tried once on the same key. */
export type Repair = 'drop-thinking' | 'dummy-signatures' | 'drop-store';

/** Google's own placeholder for calls that have no signature (ai.google.dev/gemini-api/docs/thought-signatures); the literal text. */
export const dummySignature = 'skip_thought_signature_validator';

/** In a count of tokens the request lies one level deeper. */
type Repairable = GenerateContentRequest & { generateContentRequest?: GenerateContentRequest };

/** The request with one repair; the original is left as it is. */
export function repairRequest(request: Repairable, repair: Repair): Repairable {
  if (request.generateContentRequest)
    return { ...request, generateContentRequest: repairRequest(request.generateContentRequest, repair) };
  switch (repair) {
    case 'drop-thinking': {
      const { thinkingConfig: _dropped, ...generationConfig } = request.generationConfig ?? {};
      return { ...request, generationConfig };
    }
    case 'drop-store': {
      const { store: _dropped, ...rest } = request;
      return rest;
    }
    case 'dummy-signatures':
      // A native client's request is not ours: it may have no turns at all.
      return Array.isArray(request.contents)
        ? { ...request, contents: request.contents.map(withDummySignatures) }
        : request;
  }
}

/** The first call of each model turn gets the dummy; every other signature goes, as it may be the one Google refuses. */
function withDummySignatures(content: Content): Content {
  if (content?.role !== 'model' || !Array.isArray(content.parts)) return content;
  const firstCall = content.parts.findIndex((part) => part.functionCall);
  const parts = content.parts.map((part, index) => {
    const { thoughtSignature: _dropped, ...rest } = part;
    return index === firstCall ? { ...rest, thoughtSignature: dummySignature } : rest;
  });
  return { ...content, parts };
}
