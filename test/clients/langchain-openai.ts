import { AIMessageChunk, type BaseMessage, HumanMessage, type ToolMessage } from '@langchain/core/messages';
import { tool as toTool } from '@langchain/core/tools';
import { ChatOpenAI, OpenAIEmbeddings } from '@langchain/openai';
import type { Answer, Client } from './client.ts';
import { openAiErrorNames, readOpenAiError } from './openai.ts';

/** The base URL ends in `/v1` and belongs to `configuration`. It drops what it does not know, thought signatures among it. */
export const langchainOpenai: Client = {
  id: 'langchain-openai',
  file: 'langchain-openai.ts',
  package: '@langchain/openai',
  endpoint: '/v1/chat/completions',
  answerId: /^chatcmpl-/,
  finishReasons: { stop: 'stop', length: 'length', tools: 'tool_calls' },
  errorNames: openAiErrorNames,
  readError: readOpenAiError,
  connect({ url, key, model }) {
    const options = { apiKey: key, configuration: { baseURL: `${url}/v1` }, maxRetries: 0 };
    const chat = new ChatOpenAI({ ...options, model });
    return {
      async chat(prompt, signal) {
        return toAnswer(await chat.invoke(prompt, { signal }));
      },
      async stream(prompt, onText, signal) {
        return toAnswer(await concat(await chat.stream(prompt, { signal }), onText));
      },
      async converse(questions, { name, description, parameters, run }, isStreaming) {
        const tool = toTool((args) => run(parameters.parse(args)), { name, description, schema: parameters });
        const withTool = chat.bindTools([tool]);
        const messages: BaseMessage[] = [];
        const texts: string[] = [];
        const finishReasons: string[] = [];
        for (const question of questions) {
          messages.push(new HumanMessage(question));
          let answer: AIMessageChunk;
          do {
            answer = isStreaming ? await concat(await withTool.stream(messages)) : await withTool.invoke(messages);
            messages.push(answer);
            finishReasons.push(answer.response_metadata.finish_reason as string);
            for (const call of answer.tool_calls ?? []) {
              messages.push((await tool.invoke({ ...call, type: 'tool_call' })) as unknown as ToolMessage);
            }
          } while (answer.tool_calls?.length);
          texts.push(answer.text);
        }
        return { texts, finishReasons };
      },
      async lookAt(png, text) {
        const image = { type: 'image_url', image_url: { url: `data:image/png;base64,${png}` } };
        return toAnswer(await chat.invoke([new HumanMessage({ content: [{ type: 'text', text }, image] })]));
      },
      async extract(prompt, schema) {
        return chat.withStructuredOutput(schema, { name: 'extracted', method: 'jsonSchema' }).invoke(prompt);
      },
      async embed(texts, embeddingModel, dimensions) {
        const embeddings = new OpenAIEmbeddings({ ...options, model: embeddingModel, dimensions });
        return { vectors: await embeddings.embedDocuments(texts), tokens: null };
      },
    };
  },
};

async function concat(chunks: AsyncIterable<AIMessageChunk>, onText?: (piece: string) => void) {
  let whole = new AIMessageChunk('');
  for await (const chunk of chunks) {
    if (chunk.text) onText?.(chunk.text);
    whole = whole.concat(chunk);
  }
  return whole;
}

function toAnswer({ id, text, response_metadata, usage_metadata }: AIMessageChunk): Answer {
  return {
    id,
    text,
    finishReason: response_metadata.finish_reason as string,
    tokens: { input: usage_metadata?.input_tokens, output: usage_metadata?.output_tokens },
  };
}
