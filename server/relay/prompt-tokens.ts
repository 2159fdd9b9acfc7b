import type { TranslatedRequest } from '../formats/format.ts';

const bytesPerToken = 4;
/** A picture has a few hundred tokens however many bytes it has; what is said beside media is rarely more than this. */
const tokensWithMediaMax = 8000;

/** How many tokens the prompt of one call of a request has, about: until Google has counted them. */
export function promptTokens(
  { calls, downloads }: Pick<TranslatedRequest, 'calls' | 'downloads'>,
  bodyBytes: number,
): number {
  const tokens = Math.ceil(bodyBytes / bytesPerToken / calls.length);
  if (tokens <= tokensWithMediaMax) return tokens;
  const hasMedia = downloads.length > 0 || calls.some(({ body }) => holdsMedia(body));
  return hasMedia ? tokensWithMediaMax : tokens;
}

/** A native body may have any shape. */
function holdsMedia(body: object): boolean {
  const { contents } = body as { contents?: unknown };
  return list(contents).some((content) =>
    list((content as { parts?: unknown } | null)?.parts).some(
      (part) => typeof part === 'object' && part !== null && ('inlineData' in part || 'fileData' in part),
    ),
  );
}

function list(value: unknown): unknown[] {
  return Array.isArray(value) ? value : [];
}
