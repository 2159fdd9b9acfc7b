import type { ModelCard } from '../../gemini/types.ts';
import { invalidRequest } from '../api-error.ts';
import type { ListedModel } from '../listed-model.ts';

export interface CardPageQuery {
  pageSize?: string | undefined;
  pageToken?: string | undefined;
}

const pageSizeDefault = 50;
const pageSizeMax = 1000;

/** A model as Google shows it; an alias says what it stands for. */
export function toCard({ id, target, name, card }: ListedModel): ModelCard {
  const alias = id === target ? {} : { baseModelId: target };
  return { ...card, name: `models/${id}`, ...alias, displayName: name };
}

/** One page of models, in pages as Google cuts them. @throws ApiError 400 for a size or a token that is not right */
export function toCardPage(models: readonly ListedModel[], { pageSize, pageToken }: CardPageQuery) {
  const size = readSize(pageSize);
  // A token is the id after which the page begins; to clients it means nothing.
  const last = pageToken ? models.findIndex(({ id }) => toToken(id) === pageToken) : -1;
  if (pageToken && last < 0)
    throw invalidRequest('`pageToken` takes the `nextPageToken` of a page before.', 'pageToken');
  const page = models.slice(last + 1, last + 1 + size);
  const end = page.at(-1);
  const hasMore = last + 1 + size < models.length;
  return { models: page.map(toCard), ...(hasMore && end && { nextPageToken: toToken(end.id) }) };
}

function toToken(id: string): string {
  return Buffer.from(id).toString('base64url');
}

/** Google takes 0 for its default and cuts what is too large down. */
function readSize(text: string | undefined): number {
  if (text === undefined || text === '' || text === '0') return pageSizeDefault;
  if (/^\d{1,9}$/.test(text)) return Math.min(Number(text), pageSizeMax);
  throw invalidRequest('`pageSize` takes a whole number.', 'pageSize');
}
