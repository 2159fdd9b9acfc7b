import { expect, test } from 'vitest';
import { startTestGateway } from '../support/gateway.ts';
import { text } from '../support/simulated-gemini.ts';

test('a conversation goes on after a restart although the client dropped the signature, and that is counted', async () => {
  const { openai, gemini, graphql, restart } = await startTestGateway();
  const client = await openai();
  const parts = [{ functionCall: { id: 'c1', name: 'weather', args: {} }, thoughtSignature: 'U0lH' }];
  gemini.answerWith(() => ({
    json: text('', { candidates: [{ content: { role: 'model', parts }, finishReason: 'STOP' }] }),
  }));
  const model = 'gemini-3.8-flash';
  const question = { role: 'user' as const, content: 'How is the weather?' };
  const tools = [{ type: 'function' as const, function: { name: 'weather' } }];
  const first = await client.chat.completions.create({ model, messages: [question], tools });
  const call = first.choices[0]?.message.tool_calls?.[0];
  if (call?.type !== 'function') throw new Error('There was no tool call.');

  await restart();
  gemini.answerWith(() => null);
  const { id, type, function: called } = call;
  const turn = { role: 'assistant' as const, tool_calls: [{ id, type, function: called }] };
  const result = { role: 'tool' as const, tool_call_id: id, content: 'sunny' };
  await client.chat.completions.create({ model, messages: [question, turn, result], tools });
  expect(gemini.generations()[1]?.body.contents[1].parts[0].thoughtSignature).toBe('U0lH');
  const { requests } = await graphql('{ requests { nodes { signatures { client restored placeholder } } } }');
  expect(requests.nodes).toEqual([
    { signatures: { client: 0, restored: 1, placeholder: 0 } },
    { signatures: { client: 0, restored: 0, placeholder: 0 } },
  ]);
  const { usageEvents } = await graphql('{ usageEvents(first: 50) { nodes { type body } } }');
  const accepted = usageEvents.nodes.filter(({ type }: { type: string }) => type === 'RequestAccepted');
  expect(accepted.map(({ body }: { body: string }) => JSON.parse(body).signatures)).toEqual([
    undefined,
    { client: 0, restored: 1, placeholder: 0 },
  ]);
});

test('the signature of a tool call is kept when its client leaves before the stream ends, and comes back at once', async () => {
  const { openai, gemini } = await startTestGateway();
  const client = await openai();
  const never = new Promise(() => {});
  const parts = [{ functionCall: { id: 'c1', name: 'weather', args: {} }, thoughtSignature: 'U0lH' }];
  gemini.answerWith(() => ({ frames: [{ candidates: [{ content: { role: 'model', parts }, index: 0 }] }, never] }));
  const model = 'gemini-3.8-flash';
  const question = { role: 'user' as const, content: 'How is the weather?' };
  const tools = [{ type: 'function' as const, function: { name: 'weather' } }];
  const stream = await client.chat.completions.create({ model, messages: [question], tools, stream: true });
  let id = '';
  for await (const chunk of stream) {
    id = chunk.choices[0]?.delta.tool_calls?.[0]?.id ?? '';
    if (id) break;
  }
  gemini.answerWith(() => null);
  const call = { id, type: 'function' as const, function: { name: 'weather', arguments: '{}' } };
  const turn = { role: 'assistant' as const, tool_calls: [call] };
  const result = { role: 'tool' as const, tool_call_id: id, content: 'sunny' };
  await client.chat.completions.create({ model, messages: [question, turn, result], tools });
  expect(gemini.generations()[1]?.body.contents[1].parts[0].thoughtSignature).toBe('U0lH');
});
