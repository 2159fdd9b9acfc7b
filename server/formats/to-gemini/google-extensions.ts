import type { GenerateContentRequest } from '../../gemini/types.ts';
import { type Fields, isObject } from './read-fields.ts';

const configExtensions = ['responseModalities', 'imageConfig', 'speechConfig', 'mediaResolution'];

/** What clients send for Google's own layer: `extra_body.google` (as the Python client nests it) or `google`. */
export function googleExtensions(request: Fields): Fields {
  const nested = isObject(request.extra_body) ? request.extra_body.google : undefined;
  return isObject(nested) ? nested : isObject(request.google) ? request.google : {};
}

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

/** Adds what Google's own layer takes beside OpenAI's fields. */
export function withExtensions(gemini: GenerateContentRequest, request: Fields): GenerateContentRequest {
  const google = camelCased(googleExtensions(request)) ?? {};
  if (Object.keys(google).length === 0) return gemini;
  const fromNames = configExtensions.filter((name) => isFilled(google[name])).map((name) => [name, google[name]]);
  const more = {
    ...Object.fromEntries(fromNames),
    ...(isObject(google.generationConfig) ? google.generationConfig : {}),
  };
  const result: GenerateContentRequest = { ...gemini };
  if (Object.keys(more).length > 0) result.generationConfig = { ...gemini.generationConfig, ...more };
  if (Array.isArray(google.safetySettings) && isFilled(google.safetySettings))
    result.safetySettings = google.safetySettings.map(toSafetySetting);
  if (Array.isArray(google.tools) && isFilled(google.tools))
    result.tools = [...(gemini.tools ?? []), ...google.tools.filter(isObject)];
  if (isObject(google.toolConfig) && isFilled(google.toolConfig))
    result.toolConfig = { ...gemini.toolConfig, ...google.toolConfig };
  if (typeof google.cachedContent !== 'string') return result;
  // These live in the cache; Google refuses them beside it.
  const { systemInstruction: _system, tools: _tools, toolConfig: _config, ...rest } = result;
  return { ...rest, cachedContent: google.cachedContent };
}

/** Google answers 400 to some members that are there and empty. */
function isFilled(value: unknown): boolean {
  return value !== undefined && value !== null && (typeof value !== 'object' || Object.keys(value).length > 0);
}

/** Whether the client wants Google's own account of its sources in the answer. */
export function wantsGrounding(request: Fields): boolean {
  return camelCased(googleExtensions(request))?.includeGrounding === true;
}

/** `method` exists only in Google's other API, Vertex; here it is refused. */
function toSafetySetting(setting: unknown): Fields {
  const { method: _dropped, ...rest } = camelCased(setting) ?? {};
  return rest;
}
