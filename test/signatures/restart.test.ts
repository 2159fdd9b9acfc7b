import { expect, test } from 'vitest';
import { startTestGateway } from '../support/gateway.ts';
import { text } from '../support/simulated-gemini.ts';

test('a conversation goes on after a restart although the client dropped the signature', async () => {
  const { openai, gemini, restart } = await startTestGateway();
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
});
