import {
  ApiError,
  type Content,
  type FunctionCall,
  type GenerateContentResponse,
  GoogleGenAI,
  type Part,
} from '@google/genai';
import { z } from 'zod';
import type { Answer, Client } from './client.ts';

/**
 * The official client: the base URL is the gateway's address without a path. Its `chats` send each chunk of a stream back as a turn of
 * its own, which Gemini refuses when thoughts come before a call; so here the conversation is kept by hand.
 */
export const googleGenai: Client = {
  id: 'google-genai',
  file: 'google-genai.ts',
  package: '@google/genai',
  endpoint: '/v1/models/…:generateContent',
  answerId: /./,
  finishReasons: { stop: 'STOP', length: 'MAX_TOKENS', tools: 'STOP' },
  errorNames: { 401: 'ApiError', 404: 'ApiError', 429: 'ApiError' },
  readError(error) {
    if (!(error instanceof ApiError)) return null;
    return { name: error.name, status: error.status, message: error.message };
  },
  connect({ url, key, model }) {
    const { models } = new GoogleGenAI({ apiKey: key, httpOptions: { baseUrl: url } });
    return {
      async chat(contents, abortSignal) {
        return toAnswer([await models.generateContent({ model, contents, config: { abortSignal } })]);
      },
      async stream(contents, onText, abortSignal) {
        const chunks: GenerateContentResponse[] = [];
        for await (const chunk of await models.generateContentStream({ model, contents, config: { abortSignal } })) {
          chunks.push(chunk);
          const text = textOf(chunk);
          if (text) onText(text);
        }
        return toAnswer(chunks);
      },
      async converse(questions, { name, description, parameters, run }, isStreaming) {
        const declaration = { name, description, parametersJsonSchema: z.toJSONSchema(parameters) };
        const config = { tools: [{ functionDeclarations: [declaration] }] };
        const contents: Content[] = [];
        const texts: (string | null)[] = [];
        const finishReasons: Answer['finishReason'][] = [];
        for (const question of questions) {
          contents.push({ role: 'user', parts: [{ text: question }] });
          let answer: Answer;
          let calls: FunctionCall[];
          do {
            const request = { model, contents, config };
            const chunks: GenerateContentResponse[] = [];
            if (isStreaming) for await (const chunk of await models.generateContentStream(request)) chunks.push(chunk);
            else chunks.push(await models.generateContent(request));
            answer = toAnswer(chunks);
            finishReasons.push(answer.finishReason);
            contents.push({ role: 'model', parts: chunks.flatMap(partsOf) });
            calls = chunks.flatMap(({ functionCalls = [] }) => functionCalls);
            const results = calls.map(({ id, args }) => ({
              id,
              name,
              response: { output: run(parameters.parse(args)) },
            }));
            if (calls.length > 0) {
              contents.push({ role: 'user', parts: results.map((functionResponse) => ({ functionResponse })) });
            }
          } while (calls.length > 0);
          texts.push(answer.text);
        }
        return { texts, finishReasons };
      },
      async lookAt(data, text) {
        const contents = [{ text }, { inlineData: { mimeType: 'image/png', data } }];
        return toAnswer([await models.generateContent({ model, contents })]);
      },
      async extract(contents, schema) {
        const config = { responseMimeType: 'application/json', responseJsonSchema: z.toJSONSchema(schema) };
        const { text = '' } = await models.generateContent({ model, contents, config });
        return schema.parse(JSON.parse(text));
      },
      async embed(contents, embeddingModel, outputDimensionality) {
        const config = { outputDimensionality };
        const { embeddings = [] } = await models.embedContent({ model: embeddingModel, contents, config });
        return { vectors: embeddings.map(({ values = [] }) => values), tokens: null };
      },
    };
  },
};

/** Usage counts up from chunk to chunk, so the last one has it all. */
function toAnswer(chunks: GenerateContentResponse[]): Answer {
  const last = chunks.at(-1);
  const { promptTokenCount, candidatesTokenCount = 0, thoughtsTokenCount = 0 } = last?.usageMetadata ?? {};
  return {
    id: last?.responseId,
    text: chunks.map(textOf).join(''),
    finishReason: last?.candidates?.[0]?.finishReason,
    tokens: { input: promptTokenCount, output: candidatesTokenCount + thoughtsTokenCount },
  };
}

function partsOf({ candidates }: GenerateContentResponse): Part[] {
  return candidates?.[0]?.content?.parts ?? [];
}

/** Its own `text` warns when there are other parts too. */
function textOf(chunk: GenerateContentResponse): string {
  return partsOf(chunk)
    .map(({ text = '', thought }) => (thought ? '' : text))
    .join('');
}
