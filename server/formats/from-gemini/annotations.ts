import type { Candidate, GroundingMetadata, Part } from '../../gemini/types.ts';

export interface Annotation {
  type: 'url_citation';
  url_citation: { start_index: number; end_index: number; title: string; url: string };
}

/** Gemini counts from the beginning of a part, OpenAI from that of the answer. */
export class PartStarts {
  /** Where each part begins in the answer's text, as an index of the string: counting bytes would take longer. */
  readonly indexes: number[] = [];
  #isThought: boolean | undefined;

  /** Told of each part before it is taken in. @param textLength Of the answer so far. @param isStreaming A text comes in pieces, which are one part. */
  add({ text, thought }: Part, textLength: number, isStreaming: boolean): void {
    const isThought = text === undefined ? undefined : thought === true;
    const goesOn = isStreaming && isThought !== undefined && isThought === this.#isThought;
    if (!goesOn) this.indexes.push(textLength);
    this.#isThought = isThought;
  }
}

/**
 * Where an answer's statements come from. Gemini counts in bytes of UTF-8, OpenAI in characters.
 * @param text The whole answer.
 * @param partStarts See `PartStarts`; what is cited in a part that is not among them is counted from the beginning.
 */
export function toAnnotations(
  candidates: readonly Candidate[],
  text: string,
  partStarts: readonly number[] = [],
): Annotation[] {
  if (candidates.length === 0) return [];
  const bytes = Buffer.from(text);
  const startsInBytes = partStarts.map((start) => Buffer.byteLength(text.slice(0, start)));
  const all = candidates.flatMap((candidate) => [
    ...fromGrounding(candidate.groundingMetadata, bytes, startsInBytes),
    ...fromCitations(candidate, bytes),
  ]);
  const seen = new Set<string>();
  return all.filter((annotation) => {
    const key = JSON.stringify(annotation.url_citation);
    return seen.size < seen.add(key).size;
  });
}

function fromGrounding(
  metadata: GroundingMetadata | undefined,
  bytes: Buffer,
  partStarts: readonly number[],
): Annotation[] {
  const sources = (metadata?.groundingChunks ?? []).map(
    (chunk) => chunk.web ?? chunk.maps ?? chunk.retrievedContext ?? {},
  );
  const supported = new Set<number>();
  const annotations = (metadata?.groundingSupports ?? []).flatMap(({ segment, groundingChunkIndices = [] }) =>
    groundingChunkIndices.flatMap((index) => {
      supported.add(index);
      const { startIndex = 0, endIndex = 0, partIndex = 0 } = segment ?? {};
      const start = partStarts[partIndex] ?? 0;
      return cite(sources[index], start + startIndex, start + endIndex, bytes);
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
