import { describe, expect, test } from 'vitest';
import { plainRequest, type TranslatedRequest, type UpstreamCall, wholeAnswer } from '../../server/formats/format.ts';
import { limitOutput, needOf } from '../../server/relay/need.ts';

const parts = {
  prices: { charge: () => undefined, atMost: () => 1n },
  translation: { outputTokenLimit: (model: string) => (model === 'known' ? 8000 : undefined) },
  now: () => 0,
};

const generation = (body: object, more: Partial<UpstreamCall> = {}): UpstreamCall => ({
  action: 'generateContent',
  body: { contents: [{ role: 'user', parts: [{ text: 'Hello' }] }], ...body },
  ...more,
});

function need(calls: UpstreamCall[], more: Partial<TranslatedRequest> = {}, writtenBytes = 100) {
  const request: TranslatedRequest = {
    ...plainRequest,
    requestedModel: 'known',
    model: 'known',
    isStreaming: false,
    calls,
    createAnswer: () => wholeAnswer(() => ({ content: '' })),
    ...more,
  };
  return needOf(request, { promptTokens: 10, writtenBytes }, parts as never);
}

describe('the most that a request may need', () => {
  test('is the answer that was asked for, also beyond one answer of Gemini 4, else the longest of the model', () => {
    const asked = (maxOutputTokens?: number) =>
      need([generation({ generationConfig: { maxOutputTokens } })]).outputTokensMax;
    expect([asked(50), asked(200_000), asked()]).toEqual([50, 200_000, 8000]);
    expect(need([generation({})], { model: 'other' }).outputTokensMax).toBe(65_536);
  });

  test('counts every candidate and every call', () => {
    const twice = generation({ generationConfig: { maxOutputTokens: 100, candidateCount: 2 } });
    expect(need([twice, generation({ generationConfig: { maxOutputTokens: 50 } })])).toMatchObject({
      outputTokensMax: 250,
      outputFactor: 3,
      promptTokens: 20,
    });
  });

  test("reads a native client's own spelling", () => {
    const native = generation({ generation_config: { max_output_tokens: 70, candidate_count: 2 } });
    expect(need([native]).outputTokensMax).toBe(140);
  });

  test('is a token for every byte of text, and for files all that a model takes', () => {
    expect(need([generation({})], {}, 5000).promptTokensMax).toBe(5016);
    expect(need([generation({})], { resources: ['files/x'] }).promptTokensMax).toBe(1_048_576);
    const file = { contents: [{ parts: [{ fileData: { fileUri: 'files/x' } }] }] };
    expect(need([generation(file)]).promptTokensMax).toBe(1_048_576);
  });

  test('is less than a token for a byte of sound or of a picture', () => {
    const data = 'A'.repeat(400_000);
    const picture = { contents: [{ parts: [{ inlineData: { mimeType: 'image/png', data } }] }] };
    expect(need([generation(picture)], {}, 400_100).promptTokensMax).toBe(100_000 + 2600 + 100 + 16);
  });

  test('is not known for an interaction, and nothing where no model answers', () => {
    expect(need([{ action: 'interactions', body: {} }]).outputTokensMax).toBeNull();
    expect(need([{ action: 'embedContent', body: {} }]).outputTokensMax).toBe(0);
  });

  test('takes a native body of any shape', () => {
    for (const contents of [null, 'x', [null], [{ parts: 'x' }], [{ parts: [null] }]])
      expect(need([generation({ contents })]).promptTokensMax).toBeGreaterThan(0);
  });
});

test('a limit is shared by all candidates of all calls, in the spelling of who asked', () => {
  const [first, second] = limitOutput(
    [
      generation({ generationConfig: { candidateCount: 2, temperature: 1 } }),
      generation({ generation_config: { max_output_tokens: 9000 } }),
    ],
    3000,
  );
  expect(first?.body).toMatchObject({ generationConfig: { candidateCount: 2, temperature: 1, maxOutputTokens: 1000 } });
  expect(second?.body).toMatchObject({ generation_config: { maxOutputTokens: 1000 } });
});
