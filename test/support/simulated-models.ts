import type { ModelCard } from '../../server/gemini/types.ts';

/** What a key of autumn 2026 sees, shortened. */
export const simulatedModels: readonly string[] = [
  'gemini-4-argon',
  'gemini-4-hydrogen',
  'gemini-3.8-flash',
  'gemini-3.6-flash',
  'gemini-3.5-flash',
  'gemini-3.5-flash-lite',
  'gemini-3.1-pro-preview',
  'gemini-3-flash-preview',
  'gemini-2.5-pro',
  'gemini-2.5-flash',
  'gemini-2.5-flash-lite',
  'gemini-2.0-flash',
  'gemma-4-31b-it',
  'gemma-3-27b-it',
  'gemini-flash-latest',
  'gemini-flash-lite-latest',
  'gemini-3.1-flash-image',
  'gemini-embedding-001',
  'gemini-embedding-2',
];

const pageSizeDefault = 50;
const pageSizeMax = 1000;

/** One page of `GET /v1beta/models`. */
export function modelPage(models: readonly string[], query: URLSearchParams) {
  const size = Math.min(Number(query.get('pageSize') ?? pageSizeDefault), pageSizeMax);
  const start = Number(query.get('pageToken') ?? 0);
  const end = start + size;
  return {
    models: models.slice(start, end).map(modelCard),
    ...(end < models.length && { nextPageToken: String(end) }),
  };
}

/** The card of a model, as `GET /v1beta/models/{id}` shows it. */
export function modelCard(id: string): ModelCard & Record<string, unknown> {
  const card = { name: `models/${id}`, version: '001', displayName: id, description: 'A simulated model.' };
  if (id.includes('embedding')) {
    const methods = ['embedContent', 'countTextTokens', 'countTokens'];
    return {
      ...card,
      inputTokenLimit: id.includes('001') ? 2048 : 8192,
      outputTokenLimit: 1,
      supportedGenerationMethods: methods,
    };
  }
  return {
    ...card,
    inputTokenLimit: id.startsWith('gemma-') ? 262_144 : 1_048_576,
    outputTokenLimit: id.startsWith('gemma-') ? 32_768 : 65_536,
    supportedGenerationMethods: ['generateContent', 'countTokens', 'createCachedContent', 'batchGenerateContent'],
    temperature: 1,
    topP: 0.95,
    topK: 64,
    maxTemperature: 2,
    ...(!/gemma-3|2\.0|image/.test(id) && { thinking: true }),
  };
}
