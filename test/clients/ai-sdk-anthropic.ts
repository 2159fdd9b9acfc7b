import { createAnthropic } from '@ai-sdk/anthropic';
import { aiSdkCalls, aiSdkErrorNames, aiSdkFinishReasons, readAiSdkError } from './ai-sdk.ts';
import type { Client } from './client.ts';

/** The base URL ends in `/v1`. For a model it does not know it would ask for JSON by way of a tool, and for 4096 tokens at most. */
export const aiSdkAnthropic: Client = {
  id: 'ai-sdk-anthropic',
  file: 'ai-sdk-anthropic.ts',
  package: '@ai-sdk/anthropic',
  endpoint: '/v1/messages',
  answerId: /^msg_/,
  finishReasons: aiSdkFinishReasons,
  errorNames: aiSdkErrorNames,
  notOffered: { embeddings: 'Anthropic has no embeddings.' },
  readError: readAiSdkError,
  connect({ url, key, model }) {
    const anthropic = createAnthropic({ baseURL: `${url}/v1`, apiKey: key });
    const schemaOptions = { anthropic: { structuredOutputMode: 'outputFormat' } };
    return aiSdkCalls({ model: anthropic(model), schemaOptions });
  },
};
