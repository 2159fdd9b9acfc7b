import { ApiError, invalidRequest } from '../api-error.ts';
import type { StoredResponse, StoredResponses } from '../format.ts';
import { type Fields, readObjects, toText } from '../to-gemini/read-fields.ts';
import type { ResponsesRequest } from './request.ts';

/** An item of the conversation with its path for errors. */
export interface InputItem {
  value: Fields;
  path: string;
}

/** The conversation of a request in full. */
export interface ExpandedInput {
  items: InputItem[];
  /** The response that the request continues. */
  previous: StoredResponse | undefined;
}

/** What an item is; the type may be left out of messages and references. */
export function itemType({ type, role, id }: Fields): unknown {
  if (type !== undefined && type !== null) return type;
  if (role !== undefined) return 'message';
  return id === undefined ? undefined : 'item_reference';
}

/** Puts stored items in where the request refers to them: the response that it continues, and single ones. @throws ApiError */
export function expandInput(request: ResponsesRequest, stored: StoredResponses): ExpandedInput {
  const { previous_response_id: previousId, input } = request;
  const previous = previousId === undefined ? undefined : findPrevious(previousId, stored);
  if (input === undefined && !previous)
    throw invalidRequest('`input` or `previous_response_id` is required.', 'input', 'missing_required_parameter');
  const history = previous ? [...previous.input, ...previous.body.output] : [];
  const own = readItems(input).map((item) =>
    itemType(item.value) === 'item_reference' ? resolve(item, stored) : item,
  );
  return { items: [...history.map((value) => ({ value, path: 'previous_response_id' })), ...own], previous };
}

function readItems(input: unknown): InputItem[] {
  if (typeof input === 'string') return [{ value: { type: 'message', role: 'user', content: input }, path: 'input' }];
  if (input !== undefined && input !== null && !Array.isArray(input))
    throw invalidRequest('`input` must be a text or a list of items.', 'input');
  return readObjects(input, 'input');
}

function findPrevious(id: string, stored: StoredResponses): StoredResponse {
  const previous = stored.get(id);
  if (previous) return previous;
  const message = `Previous response with id '${id.slice(0, 100)}' not found. ${notKept}`;
  throw new ApiError(400, 'previous_response_not_found', message, { param: 'previous_response_id' });
}

function resolve({ value, path }: InputItem, stored: StoredResponses): InputItem {
  const item = stored.item(toText(value.id));
  if (item) return { value: item, path };
  const message = `Item with id '${toText(value.id).slice(0, 100)}' not found. ${notKept}`;
  throw invalidRequest(message, `${path}.id`, 'item_not_found');
}

const notKept =
  'Responses are kept in memory for a day at most, and not at all with `store: false`; send the earlier items as `input` instead.';
