import { describe, expect, test } from 'vitest';
import { openaiEmbeddings } from '../../../server/formats/openai-embeddings/openai-embeddings.ts';
import type { GenerateContentResponse } from '../../../server/gemini/types.ts';
import { answerTo, bodyFor, refusalOf, translated } from '../../support/translation.ts';

const model = 'gemini-embedding-001';
const bodyOf = (more: object) => bodyFor(openaiEmbeddings, { model, input: 'hi', ...more });
const refusal = (more: object) => refusalOf(openaiEmbeddings, { model, input: 'hi', ...more });

describe('a request for embeddings', () => {
  test('of one text is a call of its own', () => {
    for (const input of ['hi', ['hi']])
      expect(translated(openaiEmbeddings, { model, input }).calls).toEqual([
        {
          action: 'embedContent',
          body: { model: 'models/gemini-embedding-001', content: { parts: [{ text: 'hi' }] } },
          promptTokensEstimate: 1,
        },
      ]);
  });

  test('of several texts is one batch with a request for each, as the parts of one would make one vector', () => {
    const request = (text: string) => ({
      model: 'models/gemini-embedding-2',
      content: { parts: [{ text }] },
      outputDimensionality: 768,
    });
    const body = { model: 'models/gemini-embedding-2', input: ['a', 'b'], dimensions: 768 };
    expect(translated(openaiEmbeddings, body).calls).toEqual([
      { action: 'batchEmbedContents', body: { requests: [request('a'), request('b')] }, promptTokensEstimate: 1 },
    ]);
  });

  test('of more than a hundred texts is cut into batches, all of which are needed', () => {
    const input = Array.from({ length: 201 }, (_, index) => `text ${index}`);
    const { calls, needsAll } = translated(openaiEmbeddings, { model, input });
    const sizes = calls.map(({ body }) => (body as { requests?: unknown[] }).requests?.length ?? 'one');
    expect([sizes, needsAll]).toEqual([[100, 100, 'one'], true]);
    expect(calls[2]?.body).toMatchObject({ content: { parts: [{ text: 'text 200' }] } });
  });

  test('counts a token for four bytes of UTF-8, as the older model counts none', () => {
    const estimateOf = (input: unknown) =>
      translated(openaiEmbeddings, { model, input }).calls[0]?.promptTokensEstimate;
    expect([estimateOf('12345'), estimateOf('日本語'), estimateOf(['a', 'b', 'c', 'd', 'e'])]).toEqual([2, 3, 2]);
  });

  test('says what the vectors are for where the model has a field for it', () => {
    const purpose = { taskType: 'RETRIEVAL_DOCUMENT', title: 'Cats' };
    expect(bodyOf({ task_type: 'RETRIEVAL_DOCUMENT', title: 'Cats' })).toMatchObject(purpose);
    expect(bodyOf({ extra_body: { google: { task_type: 'CLUSTERING' } } })).toMatchObject({ taskType: 'CLUSTERING' });
    const newer = { model: 'gemini-embedding-2', input: 'hi', task_type: 'CLUSTERING', user: 'u', voice: 1 };
    expect(bodyFor(openaiEmbeddings, newer)).not.toHaveProperty('taskType');
    expect(translated(openaiEmbeddings, newer).ignoredParams).toEqual(['voice', 'task_type']);
  });

  test.each([
    [{ input: undefined }, 'input'],
    [{ input: null }, 'input'],
    [{ input: '' }, 'input'],
    [{ input: [] }, 'input'],
    [{ input: {} }, 'input'],
    [{ input: ['a', ''] }, 'input[1]'],
    [{ input: ['a', null] }, 'input[1]'],
    [{ input: [1, 2, 3] }, 'input'],
    [{ input: [[1, 2], [3]] }, 'input'],
    [{ input: Array(2049).fill('a') }, 'input'],
    [{ dimensions: 0 }, 'dimensions'],
    [{ dimensions: 3073 }, 'dimensions'],
    [{ dimensions: '768' }, 'dimensions'],
    [{ encoding_format: 'int8' }, 'encoding_format'],
    [{ task_type: 'COOKING' }, 'task_type'],
    [{ model: 7 }, 'model'],
  ])('is refused for %j', (more, param) => {
    expect(refusal(more)).toEqual([400, param, 'invalid_value']);
  });

  test('takes as many texts as OpenAI does', () => {
    expect(translated(openaiEmbeddings, { model, input: Array(2048).fill('a') }).calls).toHaveLength(21);
  });
});

describe('an answer with embeddings', () => {
  const answer = (request: object, responses: GenerateContentResponse[], usage = {}) => {
    const body = { model, input: ['a', 'b'], ...request };
    return JSON.parse(String(answerTo(openaiEmbeddings, body).body(responses, usage).content));
  };

  test('is of unit length; a vector of zeros stays one', () => {
    const embeddings = [{ values: [3, 4] }, { values: [0, 0] }];
    expect(answer({}, [{ embeddings }], { promptTokenCount: 6 })).toEqual({
      object: 'list',
      model,
      data: [
        { object: 'embedding', index: 0, embedding: [0.6, 0.8] },
        { object: 'embedding', index: 1, embedding: [0, 0] },
      ],
      usage: { prompt_tokens: 6, total_tokens: 6 },
    });
  });

  test('in base64 is 32-bit floats, little-endian', () => {
    const { data } = answer({ encoding_format: 'base64', input: 'a' }, [{ embedding: { values: [3, 4] } }]);
    expect(data[0].embedding).toBe('mpkZP83MTD8=');
    const bytes = Buffer.from(data[0].embedding, 'base64');
    expect([bytes.readFloatLE(0), bytes.readFloatLE(4)]).toEqual([Math.fround(0.6), Math.fround(0.8)]);
  });

  test('keeps the order of the texts over all batches', () => {
    const input = Array.from({ length: 101 }, (_, index) => `${index}`);
    const embeddings = input.slice(0, 100).map((text) => ({ values: [1, Number(text)] }));
    const { data } = answer({ input }, [{ embeddings }, { embedding: { values: [1, 100] } }]);
    const slopes = data.map(({ embedding: [x, y] }: { embedding: [number, number] }) => Math.round(y / x));
    expect(slopes).toEqual(input.map(Number));
  });

  test.each([
    ['too few vectors', { embeddings: [{ values: [1] }] }],
    ['too many vectors', { embeddings: [{ values: [1] }, { values: [1] }, { values: [1] }] }],
    ['one vector for all', { embedding: { values: [1] } }],
    ['no numbers', { embeddings: [{ values: [1] }, { values: ['1'] }] }],
    ['an empty vector', { embeddings: [{ values: [1] }, { values: [] }] }],
    ['a vector without values', { embeddings: [{ values: [1] }, null] }],
  ])('with %s is a fault of upstream', (_what, response) => {
    const { body } = answerTo(openaiEmbeddings, { model, input: ['a', 'b'] });
    expect(() => body([response as GenerateContentResponse], {})).toThrow(
      expect.objectContaining({ status: 502, code: 'upstream_error' }),
    );
  });
});
