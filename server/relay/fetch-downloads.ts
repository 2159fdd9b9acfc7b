import { invalidRequest } from '../formats/api-error.ts';
import type { Download } from '../formats/to-gemini/media.ts';
import type { Reply } from './reply.ts';

/** Gets media by address. */
export interface MediaFetcher {
  /** @throws ApiError 400 `invalid_image_url` naming `param`. */
  fetch(url: string, param: string, signal?: AbortSignal): Promise<{ mimeType: string; data: string }>;
}

/** More than that many pictures by address are no question any more. */
const downloadsMax = 32;

/** Fetches what a request named by address into its parts; given up when the caller leaves. @throws ApiError */
export async function fetchDownloads(
  downloads: readonly Download[],
  media: MediaFetcher,
  reply: Pick<Reply, 'onGone'>,
): Promise<void> {
  if (downloads.length === 0) return;
  const tooMany = downloads[downloadsMax];
  if (tooMany)
    throw invalidRequest(`At most ${downloadsMax} addresses are fetched.`, tooMany.param, 'invalid_image_url');
  const gone = new AbortController();
  reply.onGone(() => gone.abort());
  await Promise.all(
    downloads.map(async ({ url, param, part }) => {
      part.inlineData = await media.fetch(url, param, gone.signal);
    }),
  );
}
