import { invalidRequest } from '../api-error.ts';
import { type Fields, isObject } from '../to-gemini/read-fields.ts';

const pageItemsMax = 100;
const pageItemsUsual = 20;

/** A page of the items that a response answers, the newest first unless asked otherwise. @param query `limit`, `order`, `after`. @throws ApiError */
export function listInputItems(input: readonly Fields[], query: Fields) {
  const { after, order = 'desc' } = query;
  const limit = Number(query.limit ?? pageItemsUsual);
  if (!Number.isInteger(limit) || limit < 1 || limit > pageItemsMax)
    throw invalidRequest(`\`limit\` must be a whole number from 1 to ${pageItemsMax}.`, 'limit');
  if (order !== 'asc' && order !== 'desc') throw invalidRequest('`order` must be asc or desc.', 'order');
  const all = order === 'asc' ? input : input.toReversed();
  const start = after === undefined ? 0 : all.findIndex(({ id }) => id === after) + 1;
  if (after !== undefined && start === 0) throw invalidRequest('`after` names no item of this response.', 'after');
  const data = all.slice(start, start + limit).map(toListed);
  return {
    object: 'list',
    data,
    first_id: data[0]?.id ?? null,
    last_id: data.at(-1)?.id ?? null,
    has_more: start + limit < all.length,
  };
}

/** Messages in the long form that OpenAI lists them in. */
function toListed(item: Fields): Fields {
  if (item.type !== 'message') return item;
  const type = item.role === 'assistant' ? 'output_text' : 'input_text';
  const more = type === 'output_text' ? { annotations: [], logprobs: [] } : {};
  const toPart = (part: unknown) => (isObject(part) && part.type === 'text' ? { ...part, type, ...more } : part);
  const { content } = item;
  const parts = typeof content === 'string' ? [{ type: 'text', text: content }] : Array.isArray(content) ? content : [];
  return { status: 'completed', ...item, content: parts.map(toPart) };
}
