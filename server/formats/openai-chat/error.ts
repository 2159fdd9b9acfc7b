import type { ApiError } from '../api-error.ts';

/** OpenAI's error object; its clients expect all four keys. */
export interface OpenAiError {
  error: { message: string; type: string; param: string | null; code: string };
}

/** Renders an error as OpenAI's clients read it. */
export function renderOpenAiError(error: ApiError): OpenAiError {
  const { message, type, param, code } = error;
  return { error: { message, type, param, code } };
}
