import { createOpenAI } from '@ai-sdk/openai';
import { aiSdkCalls, aiSdkErrorNames, aiSdkFinishReasons, readAiSdkError } from './ai-sdk.ts';
import type { Client, Gateway } from './client.ts';

/** The base URL ends in `/v1`. */
function createProvider({ url, key }: Gateway) {
  return createOpenAI({ baseURL: `${url}/v1`, apiKey: key });
}

const common = {
  file: 'ai-sdk-openai.ts',
  package: '@ai-sdk/openai',
  finishReasons: aiSdkFinishReasons,
  errorNames: aiSdkErrorNames,
  readError: readAiSdkError,
};

/** Without another word the provider speaks the Responses API. */
export const aiSdkOpenai: Client = {
  ...common,
  id: 'ai-sdk-openai',
  endpoint: '/v1/responses',
  answerId: /^resp_/,
  connect(gateway) {
    const openai = createProvider(gateway);
    return aiSdkCalls({ model: openai(gateway.model), embeddingModel: openai.embeddingModel });
  },
};

export const aiSdkOpenaiChat: Client = {
  ...common,
  id: 'ai-sdk-openai-chat',
  endpoint: '/v1/chat/completions',
  answerId: /^chatcmpl-/,
  notOffered: { embeddings: 'The same call as in the row above.' },
  connect(gateway) {
    return aiSdkCalls({ model: createProvider(gateway).chat(gateway.model) });
  },
};
