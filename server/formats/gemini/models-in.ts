import { isObject } from '../to-gemini/read-fields.ts';

/** Where in a native request requests lie that may name a model of their own. */
const containers = new Set([
  'batch',
  'inputConfig',
  'input_config',
  'requests',
  'request',
  'generateContentRequest',
  'generate_content_request',
]);
const depthMax = 16;

/** The models (and, of an interaction, the agent) that a native request names, each once and without `models/`. */
export function modelsIn(request: unknown): string[] {
  const found = new Set<string>();
  collect(request, found, 0);
  if (isObject(request) && typeof request.agent === 'string') found.add(request.agent);
  return [...found];
}

function collect(value: unknown, found: Set<string>, depth: number): void {
  if (depth > depthMax) return;
  if (Array.isArray(value)) for (const item of value) collect(item, found, depth + 1);
  else if (isObject(value)) {
    if (typeof value.model === 'string') found.add(value.model.replace(/^models\//, ''));
    for (const name of containers) if (value[name] !== undefined) collect(value[name], found, depth + 1);
  }
}

/** Whether a batch takes its requests from a file: they may name any model, and the file is not here to be looked into. */
export function isBatchFromFile(request: unknown): boolean {
  if (!isObject(request)) return false;
  // A change of a batch is the batch itself.
  const batches = [request, request.batch].filter(isObject);
  const configs = batches.flatMap((batch) => [batch.inputConfig, batch.input_config]).filter(isObject);
  return configs.some(({ fileName, file_name }) => fileName !== undefined || file_name !== undefined);
}
