import { describe, expect, test } from 'vitest';
import { openaiImageEdits, openaiImages } from '../../../server/formats/openai-images/openai-images.ts';
import type { GenerateContentResponse, Part, UsageMetadata } from '../../../server/gemini/types.ts';
import { answerTo, bodyFor, eventsOf, refusalOf, translated } from '../../support/translation.ts';

const model = 'gemini-3.1-flash-image';
const png = { filename: 'cat.png', mimeType: 'image/png', data: Buffer.from('\x89PNG\r\n\x1a\n', 'latin1') };
const pngPart = { inlineData: { mimeType: 'image/png', data: png.data.toString('base64') } };

/** An answer with these parts. */
const withParts = (parts: Part[], more = {}): GenerateContentResponse => ({
  candidates: [{ content: { role: 'model', parts }, finishReason: 'STOP', ...more }],
});
const picture = (data: string, mimeType = 'image/png'): Part => ({ inlineData: { mimeType, data } });

describe('a request for pictures', () => {
  test('asks for pictures and nothing else', () => {
    const request = { model, prompt: 'a cat', n: 1, quality: 'high', user: 'u', background: 'auto' };
    expect(bodyFor(openaiImages, request)).toEqual({
      contents: [{ role: 'user', parts: [{ text: 'a cat' }] }],
      generationConfig: { responseModalities: ['IMAGE'] },
    });
  });

  test.each([
    ['gemini-3.1-flash-image', '1024x1024', { aspectRatio: '1:1', imageSize: '1K' }],
    ['gemini-3.1-flash-image', '1536x1024', { aspectRatio: '3:2', imageSize: '1K' }],
    ['gemini-3.1-flash-image', '1024x1536', { aspectRatio: '2:3', imageSize: '1K' }],
    ['gemini-3.1-flash-image', '1792x1024', { aspectRatio: '16:9', imageSize: '1K' }],
    ['gemini-3.1-flash-image', '1024x1792', { aspectRatio: '9:16', imageSize: '1K' }],
    ['gemini-3.1-flash-image', '512x512', { aspectRatio: '1:1', imageSize: '512' }],
    ['gemini-3.1-flash-image', '256x1024', { aspectRatio: '1:4', imageSize: '1K' }],
    ['gemini-3.1-flash-image', '2048x2048', { aspectRatio: '1:1', imageSize: '2K' }],
    ['gemini-3.1-flash-image', '3840x2160', { aspectRatio: '16:9', imageSize: '4K' }],
    ['gemini-3.1-flash-image', 'auto', undefined],
    ['gemini-3-pro-image', '512x512', { aspectRatio: '1:1', imageSize: '1K' }],
    ['gemini-3-pro-image', '256x1024', { aspectRatio: '9:16', imageSize: '1K' }],
    ['gemini-nano-banana-2.1', '512x512', { aspectRatio: '1:1', imageSize: '1K' }],
    ['gemini-nano-banana-2.1', '2048x256', { aspectRatio: '8:1', imageSize: '2K' }],
    ['gemini-2.5-flash-image', '1536x1024', { aspectRatio: '3:2' }],
  ])('of %s in %s has the shape and size that come nearest', (wanted, size, imageConfig) => {
    const body = bodyFor(openaiImages, { model: wanted, prompt: 'a cat', size });
    expect(body).toHaveProperty('generationConfig', {
      responseModalities: ['IMAGE'],
      ...(imageConfig && { imageConfig }),
    });
  });

  test('for several is as many calls; not all of them need to succeed', () => {
    const { calls, needsAll } = translated(openaiImages, { model, prompt: 'a cat', n: 3 });
    expect([calls.length, needsAll]).toEqual([3, undefined]);
  });

  test.each([
    [{ prompt: undefined }, 'prompt', 'invalid_value'],
    [{ prompt: '' }, 'prompt', 'invalid_value'],
    [{ prompt: 7 }, 'prompt', 'invalid_value'],
    [{ n: 0 }, 'n', 'invalid_value'],
    [{ n: 11 }, 'n', 'invalid_value'],
    [{ n: 2, stream: true }, 'n', 'unsupported_parameter'],
    [{ stream: 'yes' }, 'stream', 'invalid_value'],
    [{ size: 'large' }, 'size', 'invalid_value'],
    [{ size: '0x512' }, 'size', 'invalid_value'],
    [{ size: 512 }, 'size', 'invalid_value'],
    [{ response_format: 'png' }, 'response_format', 'invalid_value'],
  ])('is refused for %j', (more, param, code) => {
    expect(refusalOf(openaiImages, { model, prompt: 'a cat', ...more })).toEqual([400, param, code]);
  });
});

describe('a request for edits', () => {
  const form = { model, prompt: 'give it a hat', image: png };

  test('has the pictures first, then what is to be done', () => {
    const parts = [pngPart, pngPart, { text: 'give it a hat' }];
    const body = bodyFor(openaiImageEdits, { ...form, image: [png, png], n: '1', stream: 'false', size: 'auto' });
    expect(body).toHaveProperty('contents', [{ role: 'user', parts }]);
  });

  test.each([
    [{ mask: png }, 'mask'],
    [{ image: undefined }, 'image'],
    [{ image: 'cat.png' }, 'image'],
    [{ image: [png, 'cat.png'] }, 'image[1]'],
    [{ image: { ...png, data: Buffer.alloc(0) } }, 'image'],
    [{ image: { filename: 'a.mp3', mimeType: 'image/png', data: Buffer.from('ID3 sound') } }, 'image'],
    [{ n: 'two' }, 'n'],
    [{ stream: 'maybe' }, 'stream'],
    [{ prompt: ['a', 'b'] }, 'prompt'],
  ])('is refused for %j', (more, param) => {
    expect(refusalOf(openaiImageEdits, { ...form, ...more })).toEqual([400, param, 'invalid_value']);
  });
});

describe('an answer with pictures', () => {
  const bodyOf = (responses: GenerateContentResponse[], request = {}, usage: UsageMetadata = {}) =>
    JSON.parse(String(answerTo(openaiImages, { model, prompt: 'a cat', ...request }).body(responses, usage).content));

  test('has one picture of each response, and what the model wrote beside it', () => {
    const thought = { ...picture('THOUGHT'), thought: true };
    const responses = [
      withParts([thought, { text: 'A cat.' }, picture('ONE'), picture('SPARE')]),
      withParts([picture('TWO')]),
    ];
    const promptTokensDetails = [
      { modality: 'TEXT', tokenCount: 2 },
      { modality: 'IMAGE', tokenCount: 258 },
      { modality: 'IMAGE', tokenCount: 258 },
    ];
    const usage = { promptTokenCount: 518, candidatesTokenCount: 2580, thoughtsTokenCount: 20, promptTokensDetails };
    expect(bodyOf(responses, {}, usage)).toEqual({
      created: 1_760_000_000,
      data: [{ b64_json: 'ONE', revised_prompt: 'A cat.' }, { b64_json: 'TWO' }],
      output_format: 'png',
      usage: {
        input_tokens: 518,
        output_tokens: 2600,
        total_tokens: 3118,
        input_tokens_details: { text_tokens: 2, image_tokens: 516 },
      },
    });
  });

  test('gives addresses that hold the picture when addresses are asked for', () => {
    const { data, output_format } = bodyOf([withParts([picture('ONE', 'image/jpeg')])], { response_format: 'url' });
    expect([data, output_format]).toEqual([[{ url: 'data:image/jpeg;base64,ONE' }], 'jpeg']);
  });

  test('leaves out the responses that have no picture', () => {
    const refused = withParts([], { finishReason: 'IMAGE_SAFETY' });
    expect(bodyOf([refused, withParts([picture('TWO')])]).data).toEqual([{ b64_json: 'TWO' }]);
  });

  const finishMessage = 'Unable to show the generated image.';
  test.each([
    ['its message', { candidates: [{ finishReason: 'IMAGE_SAFETY', finishMessage }] }, finishMessage],
    ['its words', withParts([{ text: 'I cannot draw that.' }]), 'I cannot draw that.'],
    ['its reason', { candidates: [{ finishReason: 'NO_IMAGE' }] }, 'Gemini made no image (NO_IMAGE).'],
    ['the refused prompt', { promptFeedback: { blockReason: 'SAFETY' } }, 'Prompt blocked by Gemini: SAFETY'],
    ['nothing', {}, 'Gemini made no image.'],
  ])('that holds none is an error of moderation, told by %s', (_by, response: GenerateContentResponse, message) => {
    const refused = { status: 400, code: 'moderation_blocked', type: 'image_generation_user_error', param: null };
    expect(() => bodyOf([response])).toThrow(expect.objectContaining({ ...refused, message }));
  });

  test('that is streamed is one event', () => {
    const answer = answerTo(openaiImages, { model, prompt: 'a cat', stream: true, size: '1024x1024' });
    const sent = [{ text: 'A cat.' }, picture('ONE')].map((part) => answer.chunk(withParts([part])));
    expect(sent).toEqual(['', '']);
    expect(eventsOf(answer.end({ promptTokenCount: 3, candidatesTokenCount: 9 }))).toEqual([
      {
        type: 'image_generation.completed',
        b64_json: 'ONE',
        created_at: 1_760_000_000,
        size: '1024x1024',
        quality: 'auto',
        background: 'opaque',
        output_format: 'png',
        usage: {
          input_tokens: 3,
          output_tokens: 9,
          total_tokens: 12,
          input_tokens_details: { text_tokens: 3, image_tokens: 0 },
        },
      },
    ]);
  });

  test('of an edit that is streamed has a type of its own', () => {
    const answer = answerTo(openaiImageEdits, { model, prompt: 'a hat', image: png, stream: 'true' });
    answer.chunk(withParts([picture('ONE')]));
    expect(answer.end({})).toMatch(/^event: image_edit\.completed\ndata: \{"type":"image_edit\.completed"/);
  });

  test('that is streamed and holds no picture is an error', () => {
    const answer = answerTo(openaiImages, { model, prompt: 'a cat', stream: true });
    answer.chunk(withParts([{ text: 'No.' }]));
    expect(() => answer.end({})).toThrow(expect.objectContaining({ code: 'moderation_blocked', message: 'No.' }));
  });
});
