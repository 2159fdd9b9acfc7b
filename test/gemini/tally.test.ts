import { describe, expect, test } from 'vitest';
import { Tally } from '../../server/gemini/tally.ts';
import type { GenerateContentResponse, UsageMetadata } from '../../server/gemini/types.ts';

function tallyOf(...responses: GenerateContentResponse[]): Tally {
  const tally = new Tally();
  for (const response of responses) tally.add(response);
  return tally;
}

const text = (value: string): GenerateContentResponse => ({ candidates: [{ content: { parts: [{ text: value }] } }] });
const finish = (finishReason: string): GenerateContentResponse => ({ candidates: [{ finishReason }] });
const usage = (usageMetadata: UsageMetadata): GenerateContentResponse => ({ usageMetadata });

describe('the tally of usage', () => {
  test('takes the last value of each count, as they are cumulative and not in every chunk', () => {
    const tally = tallyOf(
      usage({ promptTokenCount: 20, candidatesTokenCount: 2, totalTokenCount: 22 }),
      usage({ candidatesTokenCount: 8, thoughtsTokenCount: 3, totalTokenCount: 31 }),
      usage({ totalTokenCount: 31 }),
    );
    expect(tally.usage()).toMatchObject({ inputTokens: 20, outputTokens: 11, reasoningTokens: 3, totalTokens: 31 });
  });

  test('counts tool use as input and thoughts as output, as Google adds them up', () => {
    const counts = {
      promptTokenCount: 21,
      candidatesTokenCount: 126,
      toolUsePromptTokenCount: 243,
      thoughtsTokenCount: 95,
    };
    const expected = {
      inputTokens: 264,
      cachedInputTokens: 0,
      outputTokens: 221,
      reasoningTokens: 95,
      totalTokens: 485,
    };
    expect(tallyOf(usage({ ...counts, totalTokenCount: 485 })).usage()).toEqual(expected);
    expect(tallyOf(usage(counts)).usage()).toEqual(expected);
  });

  test.each([-1, Number.NaN, 1.5, '7', null, Number.MAX_VALUE])('passes over %s, which is no count', (value) => {
    const tally = tallyOf(usage({ promptTokenCount: 5 }), usage({ promptTokenCount: value as number }));
    expect(tally.usage().inputTokens).toBe(5);
  });

  test('tells where its numbers come from', () => {
    expect(tallyOf(text('a')).usageSource(true)).toBe('unknown');
    expect(tallyOf(usage({ promptTokenCount: 1 })).usageSource(true)).toBe('upstream');
    expect(tallyOf(usage({ promptTokenCount: 1 })).usageSource(false)).toBe('last-seen');
  });

  test('estimates only what was answered and not counted: a failed call has cost nothing', () => {
    const estimated = (...responses: GenerateContentResponse[]) => {
      const tally = new Tally('embeddings', 12);
      for (const response of responses) tally.add(response);
      return [tally.usage().inputTokens, tally.usageSource(true)];
    };
    const embedding = { embedding: { values: [1] } };
    expect(estimated(embedding)).toEqual([12, 'estimated']);
    expect(estimated({ ...embedding, ...usage({ promptTokenCount: 9 }) })).toEqual([9, 'upstream']);
    expect(estimated()).toEqual([0, 'unknown']);
  });

  test("reads the Interactions API's own words for the same counts", () => {
    const tally = tallyOf({
      steps: [],
      usage: {
        total_input_tokens: 32,
        total_cached_tokens: 2,
        total_output_tokens: 5,
        total_thought_tokens: 3,
        total_tokens: 40,
        input_tokens_by_modality: [{ modality: 'audio', tokens: 32 }],
      },
    });
    const counts = { inputTokens: 32, cachedInputTokens: 2, outputTokens: 8, reasoningTokens: 3, totalTokens: 40 };
    expect(tally.usage()).toEqual({ ...counts, modalities: { input: { AUDIO: 32 } } });
    expect(tally.usageMetadata().promptTokensDetails).toEqual([{ modality: 'AUDIO', tokenCount: 32 }]);
    const odd = [{ modality: 5, tokens: 1 }, { tokens: 2 }, { modality: 'smell', tokens: 'many' }, null];
    const strange = { total_tokens: 3, input_tokens_by_modality: odd } as unknown as GenerateContentResponse['usage'];
    expect(tallyOf({ usage: strange as never }).usageMetadata().promptTokensDetails).toEqual([
      { modality: 'MODALITY_UNSPECIFIED', tokenCount: 1 },
      { modality: 'MODALITY_UNSPECIFIED', tokenCount: 2 },
      { modality: 'SMELL', tokenCount: 0 },
      { modality: 'MODALITY_UNSPECIFIED', tokenCount: 0 },
    ]);
    expect(tallyOf({ usage: {} }, { usageMetadata: {} }).usageSource(true)).toBe('unknown');
    expect(tallyOf({ usage: 'many' } as GenerateContentResponse).usageSource(true)).toBe('unknown');
  });

  test('adds up what the hops of a continued answer produced, over the prompt of the first', () => {
    const tally = tallyOf(usage({ promptTokenCount: 10, candidatesTokenCount: 100, totalTokenCount: 110 }), {
      candidates: [{ finishReason: 'CONTINUATION', continuationToken: 'go-on' }],
    });
    const request = { contents: [], generationConfig: { maxOutputTokens: 100_000 } };
    expect(tally.mayContinue(request)).toBe(true);
    expect(tally.mayContinue({ contents: [] })).toBe(false);
    expect(tally.nextHop()).toBe('go-on');
    tally.add({
      ...finish('STOP'),
      ...usage({ promptTokenCount: 110, candidatesTokenCount: 50, totalTokenCount: 160 }),
    });
    expect(tally.mayContinue(request)).toBe(false);
    expect(tally.usage()).toMatchObject({ inputTokens: 10, outputTokens: 150, totalTokens: 160 });
  });
});

describe('the judgement of an answer', () => {
  test.each<[string, GenerateContentResponse[], string | undefined]>([
    ['text that stopped', [text('a'), finish('STOP')], undefined],
    ['a blocked prompt', [{ promptFeedback: { blockReason: 'SAFETY' } }], undefined],
    [
      'a whole call without a reason',
      [{ candidates: [{ content: { parts: [{ functionCall: { name: 'f' } }] } }] }],
      undefined,
    ],
    ['text without a reason', [text('a')], 'stream_interrupted'],
    ['nothing at all', [], 'empty_response'],
    ['a frame of usage only', [usage({ promptTokenCount: 1 })], 'empty_response'],
    ['a malformed call', [finish('MALFORMED_FUNCTION_CALL')], 'malformed_function_call'],
    ['a malformed response', [finish('MALFORMED_RESPONSE')], 'malformed_response'],
    ['a call nobody offered', [finish('UNEXPECTED_TOOL_CALL')], 'unexpected_tool_call'],
    ['too many calls', [text('a'), finish('TOO_MANY_TOOL_CALLS')], 'too_many_tool_calls'],
  ])('of a stream with %s', (_name, responses, expected) => {
    expect(tallyOf(...responses).judge(true)?.class).toBe(expected);
  });

  test('takes a body that came whole without a reason for complete', () => {
    expect(tallyOf(text('a')).judge(false)).toBeNull();
  });

  test('knows an empty success', () => {
    expect(tallyOf(text(''), finish('STOP')).isEmptySuccess).toBe(true);
    expect(tallyOf(text('a'), finish('STOP')).isEmptySuccess).toBe(false);
  });
});
