import type { Content, GenerateContentRequest, Part } from './types.ts';

/** A change that lets a request pass which Google refused, tried once on the same key. */
export type Repair = 'drop-thinking' | 'add-signatures' | 'dummy-signatures' | 'drop-store';

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
      const { generationConfig, ...rest } = request;
      const { thinkingConfig: _dropped, ...others } = generationConfig ?? {};
      return { ...rest, ...(Object.keys(others).length > 0 && { generationConfig: others }) };
    }
    case 'drop-store': {
      const { store: _dropped, ...rest } = request;
      return rest;
    }
    case 'add-signatures':
      return withContents(request, withMissingSignatures);
    case 'dummy-signatures':
      return withContents(request, (contents) => contents.map(withDummySignatures));
  }
}

/** A native client's request is not ours: it may have no turns at all. */
function withContents(request: Repairable, change: (contents: Content[]) => Content[]): Repairable {
  return Array.isArray(request.contents) ? { ...request, contents: change(request.contents) } : request;
}

/**
 * First calls of model turns without a signature get the dummy; real ones stay. Where every first call has one, Google does not count
 * what they have: then all of them get it.
 */
function withMissingSignatures(contents: Content[]): Content[] {
  const isSigned = (content: Content) => Boolean(firstCallOf(content)?.thoughtSignature);
  const unsigned = contents.filter((content) => firstCallOf(content) && !isSigned(content));
  const changed = new Set(unsigned.length > 0 ? unsigned : contents);
  return contents.map((content) => {
    const first = firstCallOf(content);
    if (!first || !changed.has(content)) return content;
    const sign = (part: Part) => (part === first ? { ...part, thoughtSignature: dummySignature } : part);
    return { ...content, parts: content.parts?.map(sign) as Part[] };
  });
}

/** The first call of each model turn gets the dummy; every other signature goes, as it may be the one Google refuses. */
function withDummySignatures(content: Content): Content {
  if (!isModelTurn(content)) return content;
  const first = firstCallOf(content);
  const parts = content.parts.map((part) => {
    const { thoughtSignature: _dropped, ...rest } = part ?? {};
    return part === first ? { ...rest, thoughtSignature: dummySignature } : rest;
  });
  return { ...content, parts };
}

function firstCallOf(content: Content): Part | undefined {
  return isModelTurn(content) ? content.parts.find((part) => part?.functionCall) : undefined;
}

function isModelTurn(content: Content): content is Content & { parts: Part[] } {
  return content?.role === 'model' && Array.isArray(content.parts);
}
