import { invalidRequest } from '../api-error.ts';

/** A JSON object whose fields are not checked yet. */
export type Fields = Record<string, unknown>;

export function isObject(value: unknown): value is Fields {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** The body as an object with the name of a model, which every format has. @throws ApiError */
export function readBody(body: unknown): Fields & { model: string } {
  if (!isObject(body)) throw invalidRequest('The body must be a JSON object.', null);
  if (typeof body.model !== 'string' || body.model === '')
    throw invalidRequest('`model` must be the name of a model.', 'model');
  return body as Fields & { model: string };
}

/** A number within limits; undefined when it is absent or null. @throws ApiError */
export function readNumber(fields: Fields, name: string, min: number, max: number): number | undefined {
  const value = fields[name];
  if (value === undefined || value === null) return undefined;
  if (typeof value === 'number' && value >= min && value <= max) return value;
  throw invalidRequest(`\`${name}\` must be a number from ${min} to ${max}.`, name);
}

/** A whole number within limits; undefined when it is absent or null. @throws ApiError */
export function readInteger(
  fields: Fields,
  name: string,
  min = Number.MIN_SAFE_INTEGER,
  max = Number.MAX_SAFE_INTEGER,
): number | undefined {
  const value = fields[name];
  if (value === undefined || value === null) return undefined;
  if (Number.isInteger(value) && (value as number) >= min && (value as number) <= max) return value as number;
  const range = max < 1e9 ? ` from ${min} to ${max}` : ` of at least ${min}`;
  throw invalidRequest(`\`${name}\` must be a whole number${range}.`, name);
}

/** True or false; absent and null are false. @throws ApiError */
export function readBoolean(fields: Fields, name: string): boolean {
  const value = fields[name];
  if (value === undefined || value === null) return false;
  if (typeof value === 'boolean') return value;
  throw invalidRequest(`\`${name}\` must be true or false.`, name);
}

/** A text; undefined when it is absent or null. @throws ApiError */
export function readText(fields: Fields, name: string): string | undefined {
  const value = fields[name];
  if (value === undefined || value === null) return undefined;
  if (typeof value === 'string') return value;
  throw invalidRequest(`\`${name}\` must be a text.`, name);
}

/** The objects of a list, each with its path for errors; none when it is absent or null. @throws ApiError */
export function readObjects(value: unknown, path: string): { value: Fields; path: string }[] {
  if (value === undefined || value === null) return [];
  if (!Array.isArray(value)) throw invalidRequest(`\`${path}\` must be a list.`, path);
  return value.map((item, index) => {
    if (isObject(item)) return { value: item, path: `${path}[${index}]` };
    throw invalidRequest(`\`${path}[${index}]\` must be an object.`, `${path}[${index}]`);
  });
}

/** Any JSON value as a text, for what is only shown or compared. Unlike `String`, it stands an object that has a field named `toString`. */
export function toText(value: unknown): string {
  return typeof value === 'string' ? value : (JSON.stringify(value) ?? '');
}

/** A text that has to be one; '' when it is absent or null. @throws ApiError */
export function requireText(value: unknown, path: string): string {
  if (value === undefined || value === null) return '';
  if (typeof value === 'string') return value;
  throw invalidRequest(`\`${path}\` must be a text.`, path);
}
