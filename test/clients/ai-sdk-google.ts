import { createGoogleGenerativeAI } from '@ai-sdk/google';
import { aiSdkCalls, aiSdkErrorNames, aiSdkFinishReasons, readAiSdkError } from './ai-sdk.ts';
import type { Client } from './client.ts';

/** The base URL ends in `/v1beta`. */
export const aiSdkGoogle: Client = {
  id: 'ai-sdk-google',
  file: 'ai-sdk-google.ts',
  package: '@ai-sdk/google',
  endpoint: '/v1beta/models/…:generateContent',
  answerId: /./,
  finishReasons: aiSdkFinishReasons,
  errorNames: aiSdkErrorNames,
  readError: readAiSdkError,
  connect({ url, key, model }) {
    const google = createGoogleGenerativeAI({ baseURL: `${url}/v1beta`, apiKey: key });
    return aiSdkCalls({ model: google(model), embeddingModel: google.embeddingModel });
  },
};
