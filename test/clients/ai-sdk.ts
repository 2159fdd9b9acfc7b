import {
  APICallError,
  type EmbeddingModel,
  embedMany,
  generateText,
  isStepCount,
  type LanguageModel,
  type ModelMessage,
  Output,
  streamText,
  tool as toTool,
} from 'ai';
import type { Calls, ReadError } from './client.ts';

globalThis.AI_SDK_LOG_WARNINGS = false;

/** The calls of the AI SDK, which are the same for each of its providers. */
export interface AiSdkModels {
  model: LanguageModel;
  embeddingModel?(id: string): EmbeddingModel;
  /** For the calls that ask for a schema. */
  schemaOptions?: Parameters<typeof generateText>[0]['providerOptions'];
}

export const aiSdkFinishReasons = { stop: 'stop', length: 'length', tools: 'tool-calls' };
export const aiSdkErrorNames = { 401: 'AI_APICallError', 404: 'AI_APICallError', 429: 'AI_APICallError' };

const stepsMax = 5;

export function aiSdkCalls({ model, embeddingModel, schemaOptions }: AiSdkModels): Calls {
  return {
    async chat(prompt, abortSignal) {
      return toAnswer(await generateText({ model, prompt, abortSignal, maxRetries: 0 }));
    },
    async stream(prompt, onText, abortSignal) {
      const result = streamText({ model, prompt, abortSignal, maxRetries: 0, onError: () => {} });
      await read(result.stream, onText);
      const { text, finishReason, usage, response } = await result.finalStep;
      return toAnswer({ text, finishReason, usage, response });
    },
    async converse(questions, { name, description, parameters, run }, isStreaming) {
      const messages: ModelMessage[] = [];
      const tools = { [name]: toTool({ description, inputSchema: parameters, execute: async (args) => run(args) }) };
      const texts: string[] = [];
      const finishReasons: string[] = [];
      for (const question of questions) {
        messages.push({ role: 'user', content: question });
        const request = { model, messages, tools, stopWhen: isStepCount(stepsMax), maxRetries: 0 };
        const result = isStreaming ? streamText({ ...request, onError: () => {} }) : await generateText(request);
        if ('stream' in result) await read(result.stream, () => {});
        texts.push(await result.text);
        finishReasons.push(...(await result.steps).map((step) => step.finishReason));
        messages.push(...(await result.responseMessages));
      }
      return { texts, finishReasons };
    },
    async lookAt(data, text) {
      const image = { type: 'file' as const, mediaType: 'image/png', data };
      const messages = [{ role: 'user' as const, content: [{ type: 'text' as const, text }, image] }];
      return toAnswer(await generateText({ model, messages, maxRetries: 0 }));
    },
    async extract(prompt, schema) {
      const output = Output.object({ schema });
      const result = await generateText({ model, prompt, output, maxRetries: 0, providerOptions: schemaOptions });
      return result.output;
    },
    ...(embeddingModel && {
      async embed(values: string[], id: string, dimensions: number) {
        const { embeddings, usage } = await embedMany({ model: embeddingModel(id), values, dimensions, maxRetries: 0 });
        return { vectors: embeddings, tokens: Number.isNaN(usage.tokens) ? null : usage.tokens };
      },
    }),
  };
}

/** Its streams tell of errors as parts; whoever reads the text alone would take a broken answer for a whole one. */
async function read(parts: ReturnType<typeof streamText>['stream'], onText: (piece: string) => void): Promise<void> {
  for await (const part of parts) {
    if (part.type === 'text-delta') onText(part.text);
    if (part.type === 'error') throw part.error;
    if (part.type === 'abort') throw new Error('aborted');
  }
}

interface Generated {
  text: string;
  finishReason: string;
  usage: { inputTokens: number | undefined; outputTokens: number | undefined };
  response: { id: string };
}

function toAnswer({ text, finishReason, usage, response }: Generated) {
  return { id: response.id, text, finishReason, tokens: { input: usage.inputTokens, output: usage.outputTokens } };
}

export function readAiSdkError(error: unknown): ReadError | null {
  if (!APICallError.isInstance(error)) return null;
  const { name, statusCode: status, message, responseHeaders } = error;
  return { name, status, message, retryAfter: responseHeaders?.['retry-after'] ?? null };
}
