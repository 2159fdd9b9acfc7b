import { invalidRequest } from '../api-error.ts';
import type { Fields } from './read-fields.ts';

/**
 * A field that holds a text or a list of texts, none of them empty.
 * @param countMax How many texts the list may have.
 * @param hint More to say to a client that sends token ids.
 * @throws ApiError naming the text at fault
 */
export function readTexts(fields: Fields, name: string, countMax: number, hint = ''): string[] {
  const value = fields[name];
  if (typeof value === 'string') return [requireText(value, name)];
  if (!Array.isArray(value) || value.length === 0)
    throw invalidRequest(`\`${name}\` must be a text, or a list with at least one text.`, name);
  if (value.some((item) => typeof item === 'number' || Array.isArray(item)))
    throw invalidRequest(
      `\`${name}\` must be texts: token ids are those of OpenAI's models and mean nothing to Gemini's.${hint}`,
      name,
    );
  if (value.length > countMax) throw invalidRequest(`\`${name}\` may have at most ${countMax} texts.`, name);
  return value.map((item, index) => requireText(item, `${name}[${index}]`));
}

function requireText(value: unknown, path: string): string {
  if (typeof value === 'string' && value !== '') return value;
  throw invalidRequest(`\`${path}\` must be a text that is not empty.`, path);
}
