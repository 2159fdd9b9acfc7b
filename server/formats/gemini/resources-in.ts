import { isObject } from '../to-gemini/read-fields.ts';

/** A file by its name or address, a cache, an interaction: things that live in the project of one upstream key. */
const fileName = /(?:^|\/)(files\/[\w-]+)/;
const cacheName = /^cachedContents\/[\w-]+$/;
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
    // Texts and data cannot name a resource; skipping them keeps this cheap for large requests.
    else if (child !== null && typeof child === 'object') collect(child, found, depth + 1);
  }
}

function collectName(field: string, text: string, found: Set<string>): void {
  if (field === 'fileUri' || field === 'file_uri' || field === 'uri') {
    const file = fileName.exec(text)?.[1];
    if (file) found.add(file);
  } else if ((field === 'cachedContent' || field === 'cached_content') && cacheName.test(text)) found.add(text);
  else if (field === 'previous_interaction_id' || field === 'previousInteractionId') found.add(`interactions/${text}`);
}
