import { isObject } from './read-fields.ts';

/** What of a request to Gemini the clients' fields become, by the names that their formats have for it. */
const clientNames: Record<string, readonly string[]> = {
  temperature: ['temperature'],
  topP: ['top_p'],
  topK: ['top_k'],
  maxOutputTokens: ['max_completion_tokens', 'max_tokens', 'max_output_tokens'],
  candidateCount: ['n'],
  stopSequences: ['stop', 'stop_sequences'],
  seed: ['seed'],
  responseLogprobs: ['logprobs', 'top_logprobs', 'include'],
  logprobs: ['logprobs', 'top_logprobs', 'include'],
  responseMimeType: ['response_format', 'text', 'output_config', 'output_format'],
  responseJsonSchema: ['response_format', 'text', 'output_config', 'output_format'],
  responseModalities: ['modalities'],
  speechConfig: ['audio', 'voice'],
  imageConfig: ['size'],
  thinkingConfig: ['reasoning_effort', 'reasoning', 'thinking', 'output_config'],
  contents: ['messages', 'input', 'prompt'],
  content: ['input'],
  systemInstruction: ['instructions', 'system', 'messages', 'input'],
  tools: ['tools', 'functions', 'web_search_options'],
  toolConfig: ['tool_choice', 'function_call'],
  serviceTier: ['service_tier'],
  store: ['store'],
  outputDimensionality: ['dimensions'],
  taskType: ['task_type'],
};

/**
 * The field of a client's body that Google means, null when none of it is.
 * @param field As Google names it, for example `generation_config.top_k` or `GenerateContentRequest.contents[0].parts`.
 */
export function clientParam(field: string, body: unknown): string | null {
  if (!isObject(body)) return null;
  for (const word of field.split(/[.[\]]+/)) {
    const name = word.replace(/_([a-z])/g, (_match, letter: string) => letter.toUpperCase());
    const known = Object.hasOwn(clientNames, name) ? clientNames[name] : undefined;
    if (known) return known.find((param) => body[param] !== undefined) ?? null;
  }
  return null;
}
