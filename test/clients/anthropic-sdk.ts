import Anthropic from '@anthropic-ai/sdk';
import { betaZodTool } from '@anthropic-ai/sdk/helpers/beta/zod';
import { zodOutputFormat } from '@anthropic-ai/sdk/helpers/zod';
import type { Answer, Client } from './client.ts';

/** The official client: the base URL is the gateway's address without a path. */
export const anthropicSdk: Client = {
  id: 'anthropic-sdk',
  file: 'anthropic-sdk.ts',
  package: '@anthropic-ai/sdk',
  endpoint: '/v1/messages',
  answerId: /^msg_/,
  finishReasons: { stop: 'end_turn', length: 'max_tokens', tools: 'tool_use' },
  errorNames: { 401: 'AuthenticationError', 404: 'NotFoundError', 429: 'RateLimitError' },
  notOffered: { embeddings: 'Anthropic has no embeddings.' },
  readError(error) {
    if (!(error instanceof Anthropic.APIError)) return null;
    const { status, message, headers } = error;
    return { name: error.constructor.name, status, message, retryAfter: headers?.get('retry-after') };
  },
  connect({ url, key, model }) {
    const { messages, beta } = new Anthropic({ baseURL: url, apiKey: key, maxRetries: 0 });
    const ask = (content: Anthropic.MessageParam['content']) => ({
      model,
      max_tokens: 1000,
      messages: [{ role: 'user' as const, content }],
    });
    return {
      async chat(prompt, signal) {
        return toAnswer(await messages.create(ask(prompt), { signal }));
      },
      async stream(prompt, onText, signal) {
        const stream = messages.stream(ask(prompt), { signal }).on('text', (piece) => onText(piece));
        return toAnswer(await stream.finalMessage());
      },
      async converse(questions, { name, description, parameters, run }, isStreaming) {
        const tools = [betaZodTool({ name, description, inputSchema: parameters, run })];
        let history: Anthropic.Beta.BetaMessageParam[] = [];
        const texts: string[] = [];
        const finishReasons: (string | null)[] = [];
        for (const question of questions) {
          history = [...history, { role: 'user', content: question }];
          const request = { model, max_tokens: 1000, messages: history, tools };
          const runner = isStreaming
            ? beta.messages.toolRunner({ ...request, stream: true })
            : beta.messages.toolRunner(request);
          let last: Anthropic.Beta.BetaMessage | undefined;
          for await (const step of runner) {
            last = 'finalMessage' in step ? await step.finalMessage() : step;
            finishReasons.push(last.stop_reason);
          }
          texts.push(textOf(last?.content ?? []));
          history = runner.params.messages;
        }
        return { texts, finishReasons };
      },
      async lookAt(data, text) {
        const source = { type: 'base64' as const, media_type: 'image/png' as const, data };
        return toAnswer(
          await messages.create(
            ask([
              { type: 'image', source },
              { type: 'text', text },
            ]),
          ),
        );
      },
      async extract(prompt, schema) {
        const output_config = { format: zodOutputFormat(schema) };
        return (await messages.parse({ ...ask(prompt), output_config })).parsed_output;
      },
    };
  },
};

function toAnswer({ id, content, stop_reason, usage }: Anthropic.Message): Answer {
  return {
    id,
    text: textOf(content),
    finishReason: stop_reason,
    tokens: { input: usage.input_tokens + (usage.cache_read_input_tokens ?? 0), output: usage.output_tokens },
  };
}

function textOf(content: { type: string; text?: unknown }[]): string {
  return content.map(({ type, text }) => (type === 'text' ? text : '')).join('');
}
