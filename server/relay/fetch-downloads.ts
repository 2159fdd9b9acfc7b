import { invalidRequest } from '../formats/api-error.ts';
import type { Download } from '../formats/to-gemini/media.ts';
import type { MediaFetcher } from '../media/media-fetcher.ts';
import type { Reply } from './reply.ts';

/** More pictures by address than that are no question any more. */
const downloadsMax = 32;
/** In base64; Google takes about 100 MB in one request. */
const charactersMax = 100_000_000;

/** Fetches what a request named by address into its parts; given up when one fails or the caller leaves. @throws ApiError */
export async function fetchDownloads(
  downloads: readonly Download[],
  media: Pick<MediaFetcher, 'fetch'>,
  reply: Pick<Reply, 'onGone'>,
): Promise<void> {
  const tooMany = downloads[downloadsMax];
  if (tooMany)
    throw invalidRequest(`At most ${downloadsMax} addresses are fetched.`, tooMany.param, 'invalid_image_url');
  const stop = new AbortController();
  reply.onGone(() => stop.abort());
  let characters = 0;
  const fetchOne = async ({ url, param, part }: Download) => {
    part.inlineData = await media.fetch(url, param, stop.signal);
    characters += part.inlineData.data?.length ?? 0;
    if (characters > charactersMax)
      throw invalidRequest('What the addresses lead to is too large together.', param, 'invalid_image_url');
  };
  try {
    await Promise.all(downloads.map(fetchOne));
  } finally {
    stop.abort();
  }
}
