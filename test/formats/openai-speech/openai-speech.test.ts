import { describe, expect, test } from 'vitest';
import { toPcm, toWav } from '../../../server/formats/from-gemini/wav.ts';
import { openaiSpeech } from '../../../server/formats/openai-speech/openai-speech.ts';
import type { GenerateContentResponse } from '../../../server/gemini/types.ts';
import { answerTo, bodyFor, eventsOf, refusalOf, translated } from '../../support/translation.ts';

const request = { model: 'gemini-3.8-flash-tts', input: 'Hello', voice: 'alloy' };
const samples = Buffer.from([0, 0, 1, 0]);
const pcmType = 'audio/L16;codec=pcm;rate=24000';
const wav = toWav({ mimeType: pcmType, data: samples });

/** An answer with a sound. */
const sound = (data: Buffer, mimeType = pcmType): GenerateContentResponse => ({
  candidates: [
    { content: { parts: [{ inlineData: { mimeType, data: data.toString('base64') } }] }, finishReason: 'STOP' },
  ],
});

describe('a request for speech', () => {
  test('of a newer model has the manner and the format in fields of their own', () => {
    expect(bodyFor(openaiSpeech, { ...request, instructions: 'cheerful', response_format: 'wav' })).toEqual({
      contents: [{ role: 'user', parts: [{ text: 'Hello', speechMetadata: { style: 'cheerful' } }] }],
      generationConfig: {
        responseModalities: ['AUDIO'],
        speechConfig: { voiceConfig: { prebuiltVoiceConfig: { voiceName: 'Kore' } } },
        responseFormat: { audio: { mimeType: 'AUDIO_WAV' } },
      },
    });
  });

  test('of a newer model can be for samples alone', () => {
    const responseFormat = { audio: { mimeType: 'AUDIO_L16' } };
    const body = bodyFor(openaiSpeech, { ...request, response_format: 'pcm' });
    expect(body).toHaveProperty('generationConfig.responseFormat', responseFormat);
  });

  test.each(['gemini-2.5-flash-preview-tts', 'gemini-3.1-flash-tts-preview'])(
    'of %s has the manner in the text',
    (model) => {
      const older = { ...request, model, voice: 'puck', instructions: 'cheerful' };
      expect(bodyFor(openaiSpeech, older)).toEqual({
        contents: [{ role: 'user', parts: [{ text: 'cheerful: Hello' }] }],
        generationConfig: {
          responseModalities: ['AUDIO'],
          speechConfig: { voiceConfig: { prebuiltVoiceConfig: { voiceName: 'Puck' } } },
        },
      });
    },
  );

  test('says that the speed had no effect, unless it is the usual one', () => {
    const ignored = (more: object) => translated(openaiSpeech, { ...request, ...more }).ignoredParams;
    expect([ignored({ speed: 1.5 }), ignored({ speed: 1 }), ignored({ mood: 1 })]).toEqual([['speed'], [], ['mood']]);
  });

  test.each([
    [{ input: undefined }, 'input'],
    [{ input: '' }, 'input'],
    [{ input: ['a'] }, 'input'],
    [{ voice: 'nobody' }, 'voice'],
    [{ voice: { id: 'voice_1' } }, 'voice'],
    [{ instructions: 7 }, 'instructions'],
    [{ response_format: 'mp3' }, 'response_format'],
    [{ response_format: 'opus' }, 'response_format'],
    [{ response_format: 7 }, 'response_format'],
    [{ stream_format: 'chunks' }, 'stream_format'],
  ])('is refused for %j', (more, param) => {
    expect(refusalOf(openaiSpeech, { ...request, ...more })).toEqual([400, param, 'invalid_value']);
  });
});

describe('an answer with speech', () => {
  test('is a WAV file unless samples are asked for, whatever Gemini sends', () => {
    const file = (format: string | undefined, response: GenerateContentResponse) =>
      answerTo(openaiSpeech, { ...request, response_format: format }).body([response], {});
    for (const response of [sound(samples), sound(wav, 'audio/wav')]) {
      expect(file(undefined, response)).toEqual({ content: wav, contentType: 'audio/wav' });
      expect(file('pcm', response)).toEqual({ content: samples, contentType: 'audio/pcm' });
    }
  });

  test('takes the rate from what Gemini says', () => {
    const { content } = answerTo(openaiSpeech, request).body([sound(samples, 'audio/L16;rate=16000')], {});
    expect(Buffer.from(content).readUInt32LE(24)).toBe(16_000);
  });

  test('as events passes samples on as they come', () => {
    const answer = answerTo(openaiSpeech, { ...request, response_format: 'pcm', stream_format: 'sse' });
    const events = eventsOf(answer.chunk(sound(samples)) + answer.chunk(sound(wav, 'audio/wav')));
    const delta = { type: 'speech.audio.delta', audio: samples.toString('base64') };
    expect(events).toEqual([delta, delta]);
    expect(eventsOf(answer.end({ promptTokenCount: 4, candidatesTokenCount: 30 }))).toEqual([
      { type: 'speech.audio.done', usage: { input_tokens: 4, output_tokens: 30, total_tokens: 34 } },
    ]);
  });

  test('as events has a WAV file in one piece, as its head tells its length', () => {
    const answer = answerTo(openaiSpeech, { ...request, stream_format: 'sse' });
    expect([answer.chunk(sound(samples)), answer.chunk(sound(samples))]).toEqual(['', '']);
    const file = toWav({ mimeType: pcmType, data: Buffer.concat([samples, samples]) });
    const [delta, done] = eventsOf(answer.end({}));
    expect(delta).toEqual({ type: 'speech.audio.delta', audio: file.toString('base64') });
    expect(done).toMatchObject({ type: 'speech.audio.done' });
  });

  test.each([
    [
      'a text',
      { candidates: [{ content: { parts: [{ text: 'Hello' }] }, finishReason: 'OTHER' }] },
      502,
      'empty_response',
    ],
    ['nothing', {}, 502, 'empty_response'],
    ['a refused prompt', { promptFeedback: { blockReason: 'SAFETY' } }, 400, 'content_policy_violation'],
    ['a refused answer', { candidates: [{ finishReason: 'PROHIBITED_CONTENT' }] }, 400, 'content_policy_violation'],
  ])('that is %s is an error', (_what, response: GenerateContentResponse, status, code) => {
    const fails = expect.objectContaining({ status, code });
    expect(() => answerTo(openaiSpeech, request).body([response], {})).toThrow(fails);
    const streamed = answerTo(openaiSpeech, { ...request, stream_format: 'sse' });
    streamed.chunk(response);
    expect(() => streamed.end({})).toThrow(fails);
  });
});

describe('a WAV file', () => {
  test('has its samples in the chunk of that name, wherever it stands', () => {
    const note = Buffer.from('LIST\x05\0\0\0INFO.\0', 'latin1');
    const file = Buffer.concat([wav.subarray(0, 36), note, wav.subarray(36), note]);
    expect(toPcm(file)).toEqual(samples);
    expect(toPcm(samples)).toEqual(samples);
  });

  test('that says it is longer than it is gives what there is', () => {
    const endless = Buffer.from(wav);
    endless.writeUInt32LE(0xff_ff_ff_ff, 40);
    expect(toPcm(endless)).toEqual(samples);
    expect(toPcm(wav.subarray(0, 40))).toEqual(Buffer.alloc(0));
  });
});
