import { Agent, type AgentInputItem, OpenAIProvider, Runner, tool as toTool, user } from '@openai/agents';
import OpenAI from 'openai';
import type { Answer, Calls, Client, Gateway } from './client.ts';
import { openAiErrorNames, readOpenAiError } from './openai.ts';

/** It takes the official client, whose base URL ends in `/v1`. Its traces would go to OpenAI. */
function createRunner({ url, key, model }: Gateway, useResponses: boolean): Runner {
  const openAIClient = new OpenAI({ baseURL: `${url}/v1`, apiKey: key, maxRetries: 0 });
  return new Runner({
    model,
    modelProvider: new OpenAIProvider({ openAIClient, useResponses }),
    tracingDisabled: true,
  });
}

const common = {
  file: 'openai-agents.ts',
  package: '@openai/agents',
  finishReasons: { stop: null, length: null, tools: null },
  errorNames: openAiErrorNames,
  notOffered: { embeddings: 'The Agents SDK has no embeddings.' },
  readError: readOpenAiError,
};

/** Without another word it speaks the Responses API. */
export const openaiAgents: Client = {
  ...common,
  id: 'openai-agents',
  endpoint: '/v1/responses',
  answerId: /^resp_/,
  throwsWhenCut: /incomplete/,
  connect: (gateway) => agentCalls(createRunner(gateway, true)),
};

/** The same as `setOpenAIAPI('chat_completions')`. */
export const openaiAgentsChat: Client = {
  ...common,
  id: 'openai-agents-chat',
  endpoint: '/v1/chat/completions',
  answerId: /^chatcmpl-/,
  connect: (gateway) => agentCalls(createRunner(gateway, false)),
};

interface Finished {
  rawResponses: { responseId?: string; usage: { inputTokens: number; outputTokens: number } }[];
  finalOutput?: string | null;
}

function agentCalls(runner: Runner): Calls {
  const agent = new Agent({ name: 'Helper' });
  return {
    async chat(prompt, signal) {
      return toAnswer(await runner.run(agent, prompt, { signal }));
    },
    async stream(prompt, onText, signal) {
      const result = await runner.run(agent, prompt, { stream: true, signal });
      for await (const piece of result.toTextStream()) onText(piece);
      await result.completed;
      signal?.throwIfAborted();
      return toAnswer(result);
    },
    async converse(questions, { name, description, parameters, run }, isStreaming) {
      const execute = async (args: unknown) => run(parameters.parse(args));
      const withTool = new Agent({ name: 'Helper', tools: [toTool({ name, description, parameters, execute })] });
      let history: AgentInputItem[] = [];
      const texts: (string | undefined)[] = [];
      for (const question of questions) {
        const input = [...history, user(question)];
        const result = isStreaming
          ? await runner.run(withTool, input, { stream: true })
          : await runner.run(withTool, input);
        if ('completed' in result) await result.completed;
        texts.push(result.finalOutput);
        history = result.history;
      }
      return { texts, finishReasons: [] };
    },
    async lookAt(png, text) {
      const image = { type: 'input_image' as const, image: `data:image/png;base64,${png}` };
      return toAnswer(await runner.run(agent, [user([{ type: 'input_text', text }, image])]));
    },
    async extract(prompt, schema) {
      return (await runner.run(new Agent({ name: 'Helper', outputType: schema }), prompt)).finalOutput;
    },
  };
}

function toAnswer({ rawResponses, finalOutput = null }: Finished): Answer {
  const last = rawResponses.at(-1);
  return {
    id: last?.responseId,
    text: finalOutput,
    finishReason: null,
    tokens: { input: last?.usage.inputTokens, output: last?.usage.outputTokens },
  };
}
