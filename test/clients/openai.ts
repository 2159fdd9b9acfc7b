import OpenAI from 'openai';
import { zodFunction, zodResponseFormat, zodTextFormat } from 'openai/helpers/zod';
import type { Answer, Calls, Client, Gateway, ReadError } from './client.ts';

/** The official client: the base URL ends in `/v1`. */
function createClient({ url, key }: Gateway): OpenAI {
  return new OpenAI({ baseURL: `${url}/v1`, apiKey: key, maxRetries: 0 });
}

/** The client's error classes; LangChain and the Agents SDK pass them on. */
export function readOpenAiError(error: unknown): ReadError | null {
  if (!(error instanceof OpenAI.APIError)) return null;
  const { status, message, headers } = error;
  return { name: error.constructor.name, status, message, retryAfter: headers?.get('retry-after') };
}

export const openAiErrorNames = { 401: 'AuthenticationError', 404: 'NotFoundError', 429: 'RateLimitError' };

export const openaiChat: Client = {
  id: 'openai',
  file: 'openai.ts',
  package: 'openai',
  endpoint: '/v1/chat/completions',
  answerId: /^chatcmpl-/,
  finishReasons: { stop: 'stop', length: 'length', tools: 'tool_calls' },
  errorNames: openAiErrorNames,
  readError: readOpenAiError,
  connect(gateway) {
    const { chat, embeddings } = createClient(gateway);
    const { model } = gateway;
    const user = (content: OpenAI.ChatCompletionUserMessageParam['content']) => ({ role: 'user' as const, content });
    return {
      async chat(prompt, signal) {
        return toAnswer(await chat.completions.create({ model, messages: [user(prompt)] }, { signal }));
      },
      async stream(prompt, onText, signal) {
        const request = { model, messages: [user(prompt)], stream_options: { include_usage: true } };
        const stream = chat.completions.stream(request, { signal }).on('content', onText);
        return toAnswer(await stream.finalChatCompletion());
      },
      async converse(questions, { run, ...tool }, isStreaming) {
        const tools = [zodFunction({ ...tool, function: run })];
        let messages: OpenAI.ChatCompletionMessageParam[] = [];
        const texts: (string | null)[] = [];
        const finishReasons: string[] = [];
        for (const question of questions) {
          const request = { model, messages: [...messages, user(question)], tools };
          const runner = isStreaming
            ? chat.completions.runTools({ ...request, stream: true })
            : chat.completions.runTools(request);
          texts.push(await runner.finalContent());
          finishReasons.push(...runner.allChatCompletions().map(({ choices }) => choices[0]?.finish_reason ?? ''));
          messages = runner.messages;
        }
        return { texts, finishReasons };
      },
      async lookAt(png, prompt) {
        const image = { type: 'image_url' as const, image_url: { url: `data:image/png;base64,${png}` } };
        const messages = [user([{ type: 'text', text: prompt }, image])];
        return toAnswer(await chat.completions.create({ model, messages }));
      },
      async extract(prompt, schema) {
        const response_format = zodResponseFormat(schema, 'extracted');
        const { choices } = await chat.completions.parse({ model, messages: [user(prompt)], response_format });
        return choices[0]?.message.parsed;
      },
      async embed(input, embeddingModel, dimensions) {
        const { data, usage } = await embeddings.create({ model: embeddingModel, input, dimensions });
        return { vectors: data.map(({ embedding }) => embedding), tokens: usage.prompt_tokens };
      },
    };
  },
};

function toAnswer({ id, choices, usage }: OpenAI.ChatCompletion): Answer {
  return {
    id,
    text: choices[0]?.message.content ?? null,
    finishReason: choices[0]?.finish_reason,
    tokens: { input: usage?.prompt_tokens, output: usage?.completion_tokens },
  };
}

export const openaiResponses: Client = {
  id: 'openai-responses',
  file: 'openai.ts',
  package: 'openai',
  endpoint: '/v1/responses',
  answerId: /^resp_/,
  finishReasons: { stop: 'completed', length: 'incomplete', tools: 'completed' },
  errorNames: openAiErrorNames,
  notOffered: { embeddings: 'The same call as in the row above.' },
  readError: readOpenAiError,
  connect(gateway): Calls {
    const { responses } = createClient(gateway);
    const { model } = gateway;
    return {
      async chat(input, signal) {
        return toResponseAnswer(await responses.create({ model, input }, { signal }));
      },
      async stream(input, onText, signal) {
        const stream = responses.stream({ model, input }, { signal });
        stream.on('response.output_text.delta', ({ delta }) => onText(delta));
        return toResponseAnswer(await stream.finalResponse());
      },
      async converse(questions, { run, name, description, parameters }, isStreaming) {
        const { function: declared } = zodFunction({ name, description, parameters });
        const tools = [
          { type: 'function' as const, name, description, strict: true, parameters: declared.parameters ?? null },
        ];
        const input: OpenAI.Responses.ResponseInput = [];
        const texts: string[] = [];
        const finishReasons: (string | undefined)[] = [];
        for (const question of questions) {
          input.push({ role: 'user', content: question });
          let response: OpenAI.Responses.Response;
          let calls: OpenAI.Responses.ResponseFunctionToolCall[];
          do {
            const request = { model, input, tools, store: false };
            response = isStreaming ? await responses.stream(request).finalResponse() : await responses.create(request);
            finishReasons.push(response.status);
            input.push(...(response.output as OpenAI.Responses.ResponseInput));
            calls = response.output.filter((item) => item.type === 'function_call');
            for (const { call_id, arguments: args } of calls) {
              input.push({ type: 'function_call_output', call_id, output: run(JSON.parse(args)) });
            }
          } while (calls.length > 0);
          texts.push(response.output_text);
        }
        return { texts, finishReasons };
      },
      async lookAt(png, text) {
        const image = {
          type: 'input_image' as const,
          detail: 'auto' as const,
          image_url: `data:image/png;base64,${png}`,
        };
        const input = [{ role: 'user' as const, content: [{ type: 'input_text' as const, text }, image] }];
        return toResponseAnswer(await responses.create({ model, input }));
      },
      async extract(input, schema) {
        const text = { format: zodTextFormat(schema, 'extracted') };
        return (await responses.parse({ model, input, text })).output_parsed;
      },
    };
  },
};

function toResponseAnswer({ id, output_text, status, usage }: OpenAI.Responses.Response): Answer {
  return {
    id,
    text: output_text,
    finishReason: status,
    tokens: { input: usage?.input_tokens, output: usage?.output_tokens },
  };
}
