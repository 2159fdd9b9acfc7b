import { toFile } from 'openai';
import { describe, expect, test } from 'vitest';
import { startTestGateway } from '../support/gateway.ts';
import { schemaProblems } from '../support/openai-schema.ts';
import { googleError } from '../support/simulated-gemini.ts';

const model = 'gemini-3.1-flash-image';
const png = Buffer.from('\x89PNG\r\n\x1a\n', 'latin1');
const lastRequestQuery = `{ requests(first: 1) { nodes {
  outcome httpStatus isStreaming finishReason servedModel tokens { total isEstimated } attempts { number failure httpStatus }
} } }`;

/** An answer with a picture, 3 tokens in and 7 out. */
function drawn(data: string) {
  const parts = [{ inlineData: { mimeType: 'image/png', data } }];
  return {
    candidates: [{ content: { role: 'model' as const, parts }, finishReason: 'STOP', index: 0 }],
    usageMetadata: {
      promptTokenCount: 3,
      candidatesTokenCount: 7,
      totalTokenCount: 10,
      promptTokensDetails: [
        { modality: 'TEXT', tokenCount: 2 },
        { modality: 'IMAGE', tokenCount: 1 },
      ],
    },
    modelVersion: model,
  };
}
const finishMessage = 'Unable to show the generated image.';
const blocked = {
  candidates: [{ finishReason: 'IMAGE_SAFETY', finishMessage }],
  usageMetadata: { promptTokenCount: 3 },
  modelVersion: model,
};

async function startDrawing() {
  const gateway = await startTestGateway();
  gateway.gemini.answerWith(() => ({ json: drawn('T05F') }));
  const client = await gateway.openai();
  const lastRequest = async () => (await gateway.graphql(lastRequestQuery)).requests.nodes[0];
  return { ...gateway, client, lastRequest };
}

describe('pictures for the official client', () => {
  test('are made side by side, each by a call of its own', async () => {
    const { client, gemini, lastRequest, verifyLedger } = await startDrawing();
    const answer = await client.images.generate({ model, prompt: 'a cat', n: 3, size: '1536x1024' });
    expect(schemaProblems('ImagesResponse', answer)).toEqual([]);
    expect(answer.data).toEqual([{ b64_json: 'T05F' }, { b64_json: 'T05F' }, { b64_json: 'T05F' }]);
    expect(answer).toMatchObject({
      output_format: 'png',
      usage: {
        input_tokens: 9,
        output_tokens: 21,
        total_tokens: 30,
        input_tokens_details: { text_tokens: 6, image_tokens: 3 },
      },
    });
    expect(gemini.generations().map(({ body }) => body.generationConfig.imageConfig)).toEqual(
      Array(3).fill({ aspectRatio: '3:2', imageSize: '1K' }),
    );
    expect(await lastRequest()).toMatchObject({ outcome: 'SUCCEEDED', tokens: { total: 30, isEstimated: false } });
    expect(await verifyLedger()).toMatchObject({ isSound: true, problem: null });
  });

  test('that fail in part are those that succeeded, with the usage of those', async () => {
    const { client, gemini, lastRequest, verifyLedger } = await startDrawing();
    let count = 0;
    const bad = googleError(400, 'INVALID_ARGUMENT', 'Bad.');
    gemini.answerWith(() => [bad, { json: blocked }, { json: drawn('VFdP') }][count++]);
    const answer = await client.images.generate({ model, prompt: 'a cat', n: 3 });
    expect(answer.data).toEqual([{ b64_json: 'VFdP' }]);
    const { attempts, ...request } = await lastRequest();
    expect(request).toMatchObject({
      outcome: 'SUCCEEDED',
      httpStatus: 200,
      servedModel: model,
      tokens: { total: 13, isEstimated: false },
    });
    expect(attempts.map(({ httpStatus }: { httpStatus: number }) => httpStatus).sort()).toEqual([200, 200, 400]);
    expect(await verifyLedger()).toMatchObject({ isSound: true });

    count = 0;
    const { usageMetadata: _counted, ...uncounted } = drawn('VFdP');
    gemini.answerWith(() => [{ json: drawn('T05F') }, { json: uncounted }][count++]);
    await client.images.generate({ model, prompt: 'a cat', n: 2 });
    expect((await lastRequest()).tokens).toEqual({ total: 18, isEstimated: true });

    gemini.answerWith(() => bad);
    const failed = client.images.generate({ model, prompt: 'a cat', n: 2 });
    await expect(failed).rejects.toMatchObject({ status: 400, code: 'invalid_argument' });
    expect(await lastRequest()).toMatchObject({ outcome: 'FAILED', tokens: { total: 0 }, attempts: [{}, {}] });
  });

  test("that Gemini does not show are OpenAI's error of moderation, and were spent", async () => {
    const { client, gemini, lastRequest } = await startDrawing();
    gemini.answerWith(() => ({ json: blocked }));
    const refused = await client.images.generate({ model, prompt: 'a cat' }).catch((error) => error);
    const type = 'image_generation_user_error';
    expect(refused).toMatchObject({ status: 400, type, code: 'moderation_blocked', param: null });
    expect(refused.message).toContain(finishMessage);
    expect(gemini.generations()).toHaveLength(1);
    expect(await lastRequest()).toMatchObject({ outcome: 'FAILED', httpStatus: 400, tokens: { total: 3 } });
  });

  test('are streamed as one event, or as an error that has its status', async () => {
    const { client, gemini, lastRequest } = await startDrawing();
    gemini.answerWith(() => ({ frames: [drawn('T05F')] }));
    const events = [];
    const stream = await client.images.generate({ model, prompt: 'a cat', stream: true, partial_images: 2 });
    for await (const event of stream) events.push(event);
    expect(events).toMatchObject([
      { type: 'image_generation.completed', b64_json: 'T05F', usage: { total_tokens: 10 } },
    ]);
    expect(await lastRequest()).toMatchObject({ outcome: 'SUCCEEDED', isStreaming: true, tokens: { total: 10 } });

    gemini.answerWith(() => ({ frames: [blocked] }));
    const refused = client.images.generate({ model, prompt: 'a cat', stream: true });
    await expect(refused).rejects.toMatchObject({ status: 400, code: 'moderation_blocked' });
  });

  test('are edited from one picture or several, and never with a mask', async () => {
    const { client, gemini } = await startDrawing();
    const image = await toFile(png, 'cat.png', { type: 'image/png' });
    const answer = await client.images.edit({ model, image: [image, image], prompt: 'give it a hat', n: 1 });
    expect(answer.data).toEqual([{ b64_json: 'T05F' }]);
    const inlineData = { mimeType: 'image/png', data: png.toString('base64') };
    expect(gemini.generations()[0]?.body.contents[0].parts).toEqual([
      { inlineData },
      { inlineData },
      { text: 'give it a hat' },
    ]);

    gemini.answerWith(() => ({ frames: [drawn('T05F')] }));
    const stream = await client.images.edit({ model, image, prompt: 'give it a hat', stream: true });
    for await (const event of stream) expect(event).toMatchObject({ type: 'image_edit.completed' });

    const masked = client.images.edit({ model, image, mask: image, prompt: 'give it a hat' });
    await expect(masked).rejects.toMatchObject({ status: 400, param: 'mask', code: 'invalid_value' });
    expect(gemini.generations()).toHaveLength(2);
  });
});
