import { isObject } from '../to-gemini/read-fields.ts';

/** A file by its name or address, a cache, a store, an interaction: things that live in the project of one upstream key. */
const fileName = /(?:^|\/)(files\/[\w-]+)/;
const addressFields = new Set(['fileUri', 'file_uri']);
const fileFields = new Set(['uri', 'fileName', 'file_name']);
const nameFields = new Set(['cachedContent', 'cached_content', 'fileSearchStoreNames', 'file_search_store_names']);
const interactionFields = new Set(['previous_interaction_id', 'previousInteractionId']);
const namingFields = new Set([...addressFields, ...fileFields, ...nameFields, ...interactionFields]);
const depthMax = 64;

/** The resources that a native request mentions, each once. */
export function resourcesIn(request: unknown): string[] {
  const found = new Set<string>();
  collect(request, found, 0);
  return [...found];
}

function collect(value: unknown, found: Set<string>, depth: number): void {
  if (depth > depthMax) return;
  if (Array.isArray(value)) {
    for (const item of value) collect(item, found, depth + 1);
    return;
  }
  if (!isObject(value)) return;
  for (const [name, child] of Object.entries(value)) {
    if (typeof child === 'string') collectName(name, child, found);
    else if (Array.isArray(child) && nameFields.has(name)) for (const item of child) collectName(name, item, found);
    // Texts and data cannot name a resource; skipping them keeps this cheap for large requests.
    else if (child !== null && typeof child === 'object') collect(child, found, depth + 1);
  }
}

/** What is named in another way than the usual one is taken as it is: it is nobody's, but the request is about it. */
function collectName(field: string, text: unknown, found: Set<string>): void {
  // Before it is looked into: most texts are long and name nothing.
  if (typeof text !== 'string' || !namingFields.has(field)) return;
  const file = fileName.exec(text)?.[1];
  if (addressFields.has(field)) found.add(file ?? text);
  else if (file && fileFields.has(field)) found.add(file);
  else if (nameFields.has(field)) found.add(text);
  else if (interactionFields.has(field)) found.add(`interactions/${text}`);
}
