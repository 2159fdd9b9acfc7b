import { createOpenAICompatible } from '@ai-sdk/openai-compatible';
import { aiSdkCalls, aiSdkErrorNames, aiSdkFinishReasons, readAiSdkError } from './ai-sdk.ts';
import type { Client } from './client.ts';

/** The base URL ends in `/v1`. Usage in streams and JSON schemas have to be switched on. */
export const aiSdkOpenaiCompatible: Client = {
  id: 'ai-sdk-openai-compatible',
  file: 'ai-sdk-openai-compatible.ts',
  package: '@ai-sdk/openai-compatible',
  endpoint: '/v1/chat/completions',
  answerId: /^chatcmpl-/,
  finishReasons: aiSdkFinishReasons,
  errorNames: aiSdkErrorNames,
  readError: readAiSdkError,
  connect({ url, key, model }) {
    const pool = createOpenAICompatible({
      name: 'gemini-pool',
      baseURL: `${url}/v1`,
      apiKey: key,
      includeUsage: true,
      supportsStructuredOutputs: true,
    });
    return aiSdkCalls({ model: pool(model), embeddingModel: pool.embeddingModel });
  },
};
