import { describe, expect, test } from 'vitest';
import { openaiCompletions } from '../../../server/formats/openai-completions/openai-completions.ts';
import type { GenerateContentResponse } from '../../../server/gemini/types.ts';
import { answerTo, bodyFor, eventsOf, refusalOf, translated } from '../../support/translation.ts';

const model = 'gemini-3.5-flash';
const prompt = 'Once upon a time';

const text = (words: string, more = {}): GenerateContentResponse => ({
  candidates: [{ content: { parts: [{ text: 'Hm.', thought: true }, { text: words }] }, ...more }],
  modelVersion: model,
  responseId: 'r1',
});

describe('a request for completions', () => {
  test('is one turn of a user, without a limit of its own', () => {
    expect(bodyFor(openaiCompletions, { model, prompt })).toEqual({
      contents: [{ role: 'user', parts: [{ text: prompt }] }],
    });
  });

  test('has a call for each prompt, all of which are needed', () => {
    const { calls, needsAll } = translated(openaiCompletions, { model, prompt: ['a', 'b'] });
    const texts = calls.map(({ body }) => (body as { contents: unknown }).contents);
    expect(texts).toEqual(['a', 'b'].map((words) => [{ role: 'user', parts: [{ text: words }] }]));
    expect(needsAll).toBe(true);
  });

  test('passes on what Gemini has as well, and leaves out what changes little', () => {
    const settings = { max_tokens: 64, temperature: 0, top_p: 0.9, stop: ['\n', ''], seed: 7 };
    const dropped = { presence_penalty: 1, frequency_penalty: 1, logit_bias: { 50256: -100 }, user: 'u' };
    const idle = { n: 1, best_of: 1, echo: false, suffix: '', logprobs: null };
    expect(bodyFor(openaiCompletions, { model, prompt, ...settings, ...dropped, ...idle })).toMatchObject({
      generationConfig: { maxOutputTokens: 64, temperature: 0, topP: 0.9, stopSequences: ['\n'], seed: 7 },
    });
  });

  test('is streamed when it asks for that', () => {
    expect(translated(openaiCompletions, { model, prompt, stream: true }).calls[0]?.action).toBe(
      'streamGenerateContent',
    );
  });

  test.each([
    [{ prompt: undefined }, 'prompt', 'invalid_value'],
    [{ prompt: '' }, 'prompt', 'invalid_value'],
    [{ prompt: [] }, 'prompt', 'invalid_value'],
    [{ prompt: [1, 2] }, 'prompt', 'invalid_value'],
    [{ prompt: [[1, 2]] }, 'prompt', 'invalid_value'],
    [{ prompt: ['a', 7.5] }, 'prompt', 'invalid_value'],
    [{ prompt: ['a', null] }, 'prompt[1]', 'invalid_value'],
    [{ prompt: Array(21).fill('a') }, 'prompt', 'invalid_value'],
    [{ prompt: ['a', 'b'], stream: true }, 'prompt', 'unsupported_parameter'],
    [{ n: 2 }, 'n', 'unsupported_parameter'],
    [{ best_of: 3 }, 'best_of', 'invalid_value'],
    [{ echo: true }, 'echo', 'invalid_value'],
    [{ suffix: 'the end' }, 'suffix', 'invalid_value'],
    [{ logprobs: 0 }, 'logprobs', 'invalid_value'],
    [{ logprobs: 5 }, 'logprobs', 'invalid_value'],
    [{ max_tokens: 0 }, 'max_tokens', 'invalid_value'],
    [{ temperature: 3 }, 'temperature', 'invalid_value'],
    [{ stop: [1] }, 'stop', 'invalid_value'],
  ])('is refused for %j', (more, param, code) => {
    expect(refusalOf(openaiCompletions, { model, prompt, ...more })).toEqual([400, param, code]);
  });
});

describe('an answer with completions', () => {
  const head = { id: 'cmpl-r1', object: 'text_completion', created: 1_760_000_000, model, system_fingerprint: model };

  test('has a choice for each prompt, in their order', () => {
    const responses = [
      text('there was', { finishReason: 'MAX_TOKENS' }),
      { promptFeedback: { blockReason: 'SAFETY' } },
      text('', { finishReason: 'SAFETY' }),
      text('The end.', { finishReason: 'STOP' }),
    ];
    const { content } = answerTo(openaiCompletions, { model, prompt }).body(responses, { promptTokenCount: 4 });
    expect(JSON.parse(String(content))).toEqual({
      ...head,
      choices: [
        { index: 0, text: 'there was', logprobs: null, finish_reason: 'length' },
        { index: 1, text: '', logprobs: null, finish_reason: 'content_filter' },
        { index: 2, text: '', logprobs: null, finish_reason: 'content_filter' },
        { index: 3, text: 'The end.', logprobs: null, finish_reason: 'stop' },
      ],
      usage: expect.objectContaining({ prompt_tokens: 4, total_tokens: 4 }),
    });
  });

  test('in chunks ends with its reason, and with its usage when that is asked for', () => {
    const choice = (words: string, finish_reason: string | null) => ({
      index: 0,
      text: words,
      logprobs: null,
      finish_reason,
    });
    const request = { model, prompt, stream: true, stream_options: { include_usage: true } };
    const answer = answerTo(openaiCompletions, request);
    const sent = answer.chunk(text('there ')) + answer.chunk(text('was', { finishReason: 'STOP' })) + answer.end({});
    expect(eventsOf(sent)).toEqual([
      { ...head, choices: [choice('there ', null)], usage: null },
      { ...head, choices: [choice('was', null)], usage: null },
      { ...head, choices: [choice('', 'stop')], usage: null },
      { ...head, choices: [], usage: expect.objectContaining({ total_tokens: 0 }) },
      '[DONE]',
    ]);
    const plain = answerTo(openaiCompletions, { model, prompt, stream: true });
    expect(eventsOf(plain.end({}))).toMatchObject([{ id: 'cmpl-random' }, '[DONE]']);
  });

  test('in chunks that were never begun tells why', () => {
    const answer = answerTo(openaiCompletions, { model, prompt, stream: true });
    expect(answer.chunk({ promptFeedback: { blockReason: 'SAFETY' } })).toBe('');
    expect(eventsOf(answer.end({}))[0]).toMatchObject({ choices: [{ finish_reason: 'content_filter' }] });
  });
});
