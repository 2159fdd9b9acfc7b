import { expect, test } from 'vitest';
import { startTestGateway } from '../support/gateway.ts';
import { googleError } from '../support/simulated-gemini.ts';

const messages = [{ role: 'user' as const, content: 'Hello?' }];

test('a level of thinking that a model refused is not asked of it again', async () => {
  const { openai, gemini } = await startTestGateway();
  const client = await openai();
  const refusal = googleError(400, 'INVALID_ARGUMENT', 'Thinking level HIGH is not supported for this model.');
  gemini.answerWith(({ body }) => (body.generationConfig?.thinkingConfig?.thinkingLevel === 'HIGH' ? refusal : null));
  const levelsFor = async (model: string, reasoning_effort: 'high' | 'low') => {
    const before = gemini.generations().length;
    await client.chat.completions.create({ model, reasoning_effort, messages });
    return gemini
      .generations()
      .slice(before)
      .map(({ body }) => body.generationConfig?.thinkingConfig?.thinkingLevel);
  };
  expect(await levelsFor('gemini-3.8-flash', 'high')).toEqual(['HIGH', undefined]);
  expect(await levelsFor('gemini-3.8-flash', 'high')).toEqual([undefined]);
  expect(await levelsFor('gemini-3.8-flash', 'low')).toEqual(['LOW']);
  expect(await levelsFor('gemini-3.5-flash', 'high')).toEqual(['HIGH', undefined]);
});
