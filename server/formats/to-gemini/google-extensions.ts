import type { GenerateContentRequest } from '../../gemini/types.ts';
import { camelCased } from './camel-cased.ts';
import { type Fields, isObject } from './read-fields.ts';
import { builtInByKey } from './tools.ts';

const configExtensions = ['responseModalities', 'imageConfig', 'speechConfig', 'mediaResolution'];

/** What clients send for Google's own layer, in its spelling: `extra_body.google` (as the Python client nests it) or `google`. */
export function googleExtensions(request: Fields): Fields {
  const nested = isObject(request.extra_body) ? request.extra_body.google : undefined;
  return camelCased(isObject(nested) ? nested : request.google) ?? none;
}

/** Most requests have none: nothing is made for them. */
const none: Fields = {};

/** Adds what Google's own layer takes beside OpenAI's fields. */
export function withExtensions(gemini: GenerateContentRequest, request: Fields): GenerateContentRequest {
  const google = googleExtensions(request);
  if (google === none) return gemini;
  const fromNames = configExtensions.filter((name) => isFilled(google[name])).map((name) => [name, google[name]]);
  const more = {
    ...Object.fromEntries(fromNames),
    ...filled(google.generationConfig),
  };
  const result: GenerateContentRequest = { ...gemini };
  if (Object.keys(more).length > 0) result.generationConfig = { ...gemini.generationConfig, ...more };
  if (Array.isArray(google.safetySettings) && isFilled(google.safetySettings))
    result.safetySettings = google.safetySettings.map(toSafetySetting);
  const others = toolsIn(google).filter((tool) => !builtInByKey(tool));
  if (others.length > 0) result.tools = [...(gemini.tools ?? []), ...others];
  if (isObject(google.toolConfig) && isFilled(google.toolConfig))
    result.toolConfig = { ...gemini.toolConfig, ...google.toolConfig };
  if (typeof google.cachedContent !== 'string') return result;
  // These live in the cache; Google refuses them beside it.
  const { systemInstruction: _system, tools: _tools, toolConfig: _config, ...rest } = result;
  return { ...rest, cachedContent: google.cachedContent };
}

/** Gemini's own tools among the extensions; those that are none of them are added as they are. */
export function builtInExtensions(request: Fields): Fields[] {
  const tools = toolsIn(googleExtensions(request));
  return tools.map(builtInByKey).filter((tool) => tool !== null);
}

function toolsIn({ tools }: Fields): Fields[] {
  return Array.isArray(tools) ? tools.filter(isObject) : [];
}

/** An object without the members that hold nothing. */
export function filled(value: unknown): Fields {
  return Object.fromEntries(Object.entries(isObject(value) ? value : {}).filter(([, member]) => isFilled(member)));
}

/** Google answers 400 to some members that are there and empty. */
function isFilled(value: unknown): boolean {
  return value !== undefined && value !== null && (typeof value !== 'object' || Object.keys(value).length > 0);
}

/** Whether the client wants Google's own account of its sources in the answer. */
export function wantsGrounding(request: Fields): boolean {
  return googleExtensions(request).includeGrounding === true;
}

/** `method` exists only in Google's other API, Vertex; here it is refused. */
function toSafetySetting(setting: unknown): Fields {
  const { method: _dropped, ...rest } = camelCased(setting) ?? {};
  return rest;
}
