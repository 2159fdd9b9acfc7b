import type { Candidate, GroundingMetadata } from '../../gemini/types.ts';

export interface Annotation {
  type: 'url_citation';
  url_citation: { start_index: number; end_index: number; title: string; url: string };
}

/** Where an answer's statements come from. Gemini counts in bytes of UTF-8, OpenAI in characters. @param text The whole answer. */
export function toAnnotations(candidates: readonly Candidate[], text: string): Annotation[] {
  const bytes = Buffer.from(text);
  const all = candidates.flatMap((candidate) => [
    ...fromGrounding(candidate.groundingMetadata, bytes),
    ...fromCitations(candidate, bytes),
  ]);
  const seen = new Set<string>();
  return all.filter((annotation) => {
    const key = JSON.stringify(annotation.url_citation);
    return seen.size < seen.add(key).size;
  });
}

function fromGrounding(metadata: GroundingMetadata | undefined, bytes: Buffer): Annotation[] {
  const sources = (metadata?.groundingChunks ?? []).map(
    (chunk) => chunk.web ?? chunk.maps ?? chunk.retrievedContext ?? {},
  );
  const supported = new Set<number>();
  const annotations = (metadata?.groundingSupports ?? []).flatMap(({ segment, groundingChunkIndices = [] }) =>
    groundingChunkIndices.flatMap((index) => {
      supported.add(index);
      return cite(sources[index], segment?.startIndex ?? 0, segment?.endIndex ?? 0, bytes);
    }),
  );
  const unsupported = sources.filter((_source, index) => !supported.has(index));
  return [...annotations, ...unsupported.flatMap((source) => cite(source, bytes.length, bytes.length, bytes))];
}

function fromCitations({ citationMetadata }: Candidate, bytes: Buffer): Annotation[] {
  const sources = citationMetadata?.citationSources ?? citationMetadata?.citations ?? [];
  return sources
    .filter(({ startIndex = 0 }) => startIndex < bytes.length)
    .flatMap(({ uri, startIndex = 0, endIndex = 0 }) =>
      cite({ ...(uri && { uri }) }, startIndex, Math.min(endIndex, bytes.length), bytes),
    );
}

function cite(
  source: { uri?: string; title?: string } | undefined,
  start: number,
  end: number,
  bytes: Buffer,
): Annotation[] {
  if (!source?.uri) return [];
  const characters = (byteIndex: number) => [...bytes.toString('utf8', 0, byteIndex)].length;
  const url_citation = {
    start_index: characters(start),
    end_index: characters(end),
    title: source.title ?? '',
    url: source.uri,
  };
  return [{ type: 'url_citation', url_citation }];
}
