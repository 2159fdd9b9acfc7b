import { describe, expect, test } from 'vitest';
import { startTestGateway } from '../support/gateway.ts';
import { schemaProblems } from '../support/openai-schema.ts';
import { embed, embedText, toUnitLength } from '../support/simulated-embedding.ts';
import { exhausted, type GeminiCallRecord, googleError, type ScriptedAnswer } from '../support/simulated-gemini.ts';

const model = 'gemini-embedding-001';
const texts = (count: number) => Array.from({ length: count }, (_, index) => `text ${index}`);
const lastRequestQuery = `{ requests(first: 1) { nodes {
  outcome httpStatus tokens { input output total isEstimated } attempts { number failure }
} } }`;

/** A healthy answer. @param usage What Gemini tells; the older model tells nothing. */
function embeddings({ path, body }: GeminiCallRecord, usage?: object): ScriptedAnswer {
  const { value } = embed(model, path.split(':')[1] ?? '', body);
  return { json: { ...(value as object), ...(usage && { usageMetadata: usage }) } };
}

/** As 32-bit floats, which base64 brings. */
const rounded = (vector: readonly number[]) => vector.map((value) => Math.fround(value).toFixed(5));
/** What the texts become, of unit length. */
const vectorsOf = (words: readonly string[]) => words.map((text) => rounded(toUnitLength(embedText(model, text, 2))));

/** @param usage What Gemini tells for each call; the older model tells nothing. */
async function startEmbedding(usage?: object) {
  const gateway = await startTestGateway();
  gateway.gemini.answerWith((call) => embeddings(call, usage));
  const client = await gateway.openai();
  const lastRequest = async () => (await gateway.graphql(lastRequestQuery)).requests.nodes[0];
  return { ...gateway, client, lastRequest };
}

describe('embeddings for the official client', () => {
  test('come in base64, which it asks for by itself and decodes, or as numbers', async () => {
    const { client, gemini } = await startEmbedding({ promptTokenCount: 3 });
    const one = await client.embeddings.create({ model, input: 'text 0', dimensions: 2 });
    expect(one).toMatchObject({ object: 'list', model, usage: { prompt_tokens: 3, total_tokens: 3 } });
    expect(one.data.map(({ embedding }) => rounded(embedding))).toEqual(vectorsOf(['text 0']));
    expect(gemini.generations()[0]?.path).toBe(`/v1beta/models/${model}:embedContent`);

    const two = await client.embeddings.create({ model, input: texts(2), dimensions: 2, encoding_format: 'float' });
    expect(schemaProblems('CreateEmbeddingResponse', two)).toEqual([]);
    expect(two.data.map(({ embedding }) => rounded(embedding))).toEqual(vectorsOf(texts(2)));
    expect(gemini.generations()[1]?.path).toBe(`/v1beta/models/${model}:batchEmbedContents`);
  });

  test('of many texts keep their order over batches that several keys answer, and are one request of the ledger', async () => {
    const { client, gemini, lastRequest, verifyLedger } = await startEmbedding({ promptTokenCount: 100 });
    const answer = await client.embeddings.create({ model, input: texts(250), dimensions: 2 });
    expect(answer.data.map(({ index }) => index)).toEqual(texts(250).map((_text, index) => index));
    expect(answer.data.map(({ embedding }) => rounded(embedding))).toEqual(vectorsOf(texts(250)));
    expect(answer.usage).toEqual({ prompt_tokens: 300, total_tokens: 300 });
    const sizes = gemini.generations().map(({ body }) => body.requests.length);
    expect(sizes.sort((a, b) => a - b)).toEqual([50, 100, 100]);
    expect(new Set(gemini.generations().map(({ key }) => key)).size).toBe(2);
    expect(await lastRequest()).toEqual({
      outcome: 'SUCCEEDED',
      httpStatus: 200,
      tokens: { input: 300, output: 0, total: 300, isEstimated: false },
      attempts: [1, 2, 3].map((number) => ({ number, failure: null })),
    });
    expect(await verifyLedger()).toMatchObject({ isSound: true, problem: null });
  });

  test('are counted by us where Gemini counts nothing, and marked so; what it refuses costs nothing', async () => {
    const { client, gemini, lastRequest } = await startEmbedding();
    const answer = await client.embeddings.create({ model, input: texts(150), dimensions: 2 });
    const ofBothBatches = Math.ceil(690 / 4) + Math.ceil(400 / 4);
    expect(answer.usage).toEqual({ prompt_tokens: ofBothBatches, total_tokens: ofBothBatches });
    expect((await lastRequest()).tokens).toMatchObject({ total: ofBothBatches, isEstimated: true });

    gemini.answerWith(() => googleError(400, 'INVALID_ARGUMENT', 'No.'));
    await expect(client.embeddings.create({ model, input: 'text 1' })).rejects.toMatchObject({ status: 400 });
    expect(await lastRequest()).toMatchObject({ outcome: 'FAILED', tokens: { total: 0 } });
  });

  test('fail as a whole when one batch fails: what others used is kept, and no more is asked', async () => {
    const { client, gemini, lastRequest, verifyLedger } = await startEmbedding();
    const refused = googleError(400, 'INVALID_ARGUMENT', 'The text is too odd.');
    gemini.answerWith((call) => {
      const isOdd = JSON.stringify(call.body).includes('text 120"');
      return isOdd ? refused : embeddings(call, { promptTokenCount: 100 });
    });
    const failed = client.embeddings.create({ model, input: texts(200), dimensions: 2 });
    await expect(failed).rejects.toMatchObject({ status: 400, code: 'invalid_argument', message: /too odd/ });
    const { outcome, tokens, attempts } = await lastRequest();
    expect([outcome, tokens.total, attempts.length]).toEqual(['FAILED', 100, 2]);

    const before = gemini.generations().length;
    gemini.answerWith(() => refused);
    await expect(client.embeddings.create({ model, input: texts(2048) })).rejects.toMatchObject({ status: 400 });
    expect(gemini.generations().length - before).toBeLessThan(21);
    expect(await verifyLedger()).toMatchObject({ isSound: true });
  });

  test('go to another key when one has no quota left, batch by batch', async () => {
    const { client, gemini, lastRequest } = await startEmbedding();
    const spent = exhausted('EmbedContentRequestsPerDayPerProjectPerModel-FreeTier', '59s');
    gemini.answerWith((call) => (call.key.startsWith('AIzaFirst') ? spent : embeddings(call, { promptTokenCount: 9 })));
    const answer = await client.embeddings.create({ model, input: texts(101), dimensions: 2 });
    expect(answer.data.map(({ embedding }) => rounded(embedding))).toEqual(vectorsOf(texts(101)));
    const { tokens, attempts } = await lastRequest();
    expect(tokens.total).toBe(18);
    const failures = attempts.map(({ failure }: { failure: string | null }) => failure ?? 'none');
    expect(failures.sort()).toEqual(['key_model_day', 'none', 'none']);
  });

  test('that cannot be are errors: too few of them after they were spent, token ids before', async () => {
    const { client, gemini, lastRequest } = await startEmbedding();
    gemini.answerWith(() => ({ json: { embeddings: [{ values: [1] }], usageMetadata: { promptTokenCount: 5 } } }));
    const tooFew = client.embeddings.create({ model, input: texts(2) });
    await expect(tooFew).rejects.toMatchObject({ status: 502, code: 'upstream_error', type: 'server_error' });
    expect(await lastRequest()).toMatchObject({ outcome: 'FAILED', httpStatus: 502, tokens: { total: 5 } });

    const refused = await client.embeddings.create({ model, input: [1, 2, 3] }).catch((error) => error);
    expect(refused).toMatchObject({ status: 400, param: 'input', code: 'invalid_value' });
    expect(schemaProblems('ErrorResponse', { error: refused.error })).toEqual([]);
    expect(gemini.generations()).toHaveLength(1);
    expect(await lastRequest()).toMatchObject({ outcome: 'REJECTED', httpStatus: 400, attempts: [] });
  });
});
