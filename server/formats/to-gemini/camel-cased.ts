import { type Fields, isObject } from './read-fields.ts';

/** What is below these is the client's own JSON, such as a schema with the names of its properties. */
const ownJson = /schema$|^(?:parameters|response|args)$/i;

/** Keys of an object in Gemini's spelling, inner objects too. */
export function camelCased(value: unknown): Fields | undefined {
  if (!isObject(value)) return undefined;
  const toCamel = (key: string) => key.replace(/_([a-z])/g, (_match, letter: string) => letter.toUpperCase());
  return Object.fromEntries(
    Object.entries(value).map(([key, child]) => [toCamel(key), ownJson.test(key) ? child : camelCasedWithin(child)]),
  );
}

function camelCasedWithin(value: unknown): unknown {
  return Array.isArray(value) ? value.map(camelCasedWithin) : (camelCased(value) ?? value);
}
