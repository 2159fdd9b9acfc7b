import { describe, expect, test } from 'vitest';
import {
  openaiTranscriptions,
  openaiTranslations,
} from '../../../server/formats/openai-transcription/openai-transcription.ts';
import type { GenerateContentResponse } from '../../../server/gemini/types.ts';
import { answerTo, bodyFor, eventsOf, refusalOf, translated } from '../../support/translation.ts';

const model = 'gemini-3.5-flash';
const file = { filename: 'talk.mp3', mimeType: 'audio/mpeg', data: Buffer.from('ID3 a talk') };
const part = { inlineData: { mimeType: 'audio/mp3', data: file.data.toString('base64') } };

/** An answer in words. */
const said = (text: string): GenerateContentResponse => ({
  candidates: [{ content: { parts: [{ text: 'Hm.', thought: true }, { text }] }, finishReason: 'STOP' }],
});

describe('a request for a transcript', () => {
  test('is the recording and the question for its words', () => {
    expect(translated(openaiTranscriptions, { model, file }).calls).toEqual([
      {
        action: 'generateContent',
        body: {
          contents: [
            {
              role: 'user',
              parts: [part, { text: 'Transcribe the speech in this audio verbatim. Output only the transcript.' }],
            },
          ],
        },
      },
    ]);
  });

  test('tells the language, the context and the temperature', () => {
    const form = { model, file, language: 'de', prompt: 'A talk on cats.', temperature: '0.2', stream: 'true' };
    const [call] = translated(openaiTranscriptions, form).calls;
    expect(call?.action).toBe('streamGenerateContent');
    expect(call?.body).toMatchObject({
      contents: [
        { parts: [part, { text: expect.stringMatching(/ The language is de\. Context: A talk on cats\.$/) }] },
      ],
      generationConfig: { temperature: 0.2 },
    });
    expect(bodyFor(openaiTranscriptions, { ...form, model: 'gemini-3.8-flash' })).not.toHaveProperty(
      'generationConfig',
    );
  });

  test('in English asks for a translation', () => {
    const text = 'Translate the speech in this audio into English. Output only the translation.';
    expect(bodyFor(openaiTranslations, { model, file, language: 'de' })).toEqual({
      contents: [{ role: 'user', parts: [part, { text }] }],
    });
  });

  test('of a model that only transcribes is a call of its own kind', () => {
    const form = { model: 'gemini-3.5-transcribe', file, stream: 'true', language: 'de', prompt: 'cats' };
    const { isStreaming, calls, ignoredParams } = translated(openaiTranscriptions, form);
    expect({ isStreaming, calls, ignoredParams }).toEqual({
      isStreaming: false,
      calls: [
        {
          action: 'interactions',
          body: {
            model: 'gemini-3.5-transcribe',
            input: [{ type: 'audio', data: part.inlineData.data, mime_type: 'audio/mp3' }],
            generation_config: { transcription_config: { language_codes: ['de'] } },
          },
        },
      ],
      ignoredParams: ['prompt'],
    });
    expect(refusalOf(openaiTranslations, form)).toEqual([400, 'model', 'invalid_value']);
  });

  const of = (filename: string, mimeType: string, start: string) => ({
    filename,
    mimeType,
    data: Buffer.from(start, 'latin1'),
  });
  test.each([
    ['its first bytes', of('talk', 'application/octet-stream', 'fLaC....'), 'audio/flac'],
    ['its first bytes, against its name', of('talk.mp3', 'audio/mpeg', 'RIFF....WAVEfmt '), 'audio/wav'],
    ['what the client says of a container', of('talk.webm', 'audio/webm', '\x1aE\xdf\xa3....webm'), 'audio/webm'],
    ['the name of a container', of('talk.m4a', 'text/plain', '....ftypisom'), 'audio/mp4'],
    ['the bytes of a film', of('talk.mp4', 'video/mp4', '....ftypisom'), 'video/mp4'],
    ['what the client says', of('talk', 'audio/amr', '#!AMR'), 'audio/amr'],
    ['its name', of('talk.ogg', 'text/plain', 'unknown'), 'audio/ogg'],
  ])('knows the kind of a recording by %s', (_by, recording, mimeType) => {
    const body = bodyFor(openaiTranscriptions, { model, file: recording });
    expect(body).toHaveProperty('contents.0.parts.0.inlineData.mimeType', mimeType);
  });

  test.each([
    [{ file: undefined }, 'file'],
    [{ file: 'talk.mp3' }, 'file'],
    [{ file: [file, file] }, 'file'],
    [{ file: { ...file, data: Buffer.alloc(0) } }, 'file'],
    [{ file: of('cat.png', 'audio/mpeg', '\x89PNG\r\n') }, 'file'],
    [{ file: of('talk', 'text/plain', 'words') }, 'file'],
    [{ temperature: 'hot' }, 'temperature'],
    [{ temperature: '3' }, 'temperature'],
    [{ stream: 'perhaps' }, 'stream'],
    [{ language: ['de', 'en'] }, 'language'],
    [{ response_format: 'srt' }, 'response_format'],
    [{ response_format: 'verbose_json' }, 'response_format'],
    [{ model: ['a', 'b'] }, 'model'],
  ])('is refused for %j', (more, param) => {
    expect(refusalOf(openaiTranscriptions, { model, file, ...more })).toEqual([400, param, 'invalid_value']);
  });
});

describe('an answer with a transcript', () => {
  const usage = {
    promptTokenCount: 40,
    candidatesTokenCount: 5,
    promptTokensDetails: [
      { modality: 'TEXT', tokenCount: 8 },
      { modality: 'AUDIO', tokenCount: 32 },
    ],
  };
  const told = {
    type: 'tokens',
    input_tokens: 40,
    output_tokens: 5,
    total_tokens: 45,
    input_token_details: { text_tokens: 8, audio_tokens: 32 },
  };

  test('is an object, or a text alone', () => {
    const answer = (form: object) =>
      answerTo(openaiTranscriptions, { model, file, ...form }).body([said('Hi.')], usage);
    expect(JSON.parse(String(answer({}).content))).toEqual({ text: 'Hi.', usage: told });
    const plain = { content: 'Hi.', contentType: 'text/plain; charset=utf-8' };
    expect(answer({ response_format: 'text' })).toEqual(plain);
  });

  test('as events is its pieces, then all of it', () => {
    const answer = answerTo(openaiTranscriptions, { model, file, stream: 'true' });
    const text = answer.chunk(said('Good ')) + answer.chunk(said('day.')) + answer.end(usage);
    expect(eventsOf(text)).toEqual([
      { type: 'transcript.text.delta', delta: 'Good ' },
      { type: 'transcript.text.delta', delta: 'day.' },
      { type: 'transcript.text.done', text: 'Good day.', usage: told },
    ]);
  });

  const steps = [
    { content: [{ type: 'text', text: 'Good ' }, { type: 'audio' }] },
    null,
    { content: [{ type: 'text', text: 'day.' }] },
  ];
  const interaction = { steps } as GenerateContentResponse;
  test('of a model that only transcribes is put together from its steps', () => {
    const form = { model: 'gemini-3.5-transcribe', file };
    const { content } = answerTo(openaiTranscriptions, form).body([interaction], usage);
    expect(JSON.parse(String(content)).text).toBe('Good day.');
    const streamed = answerTo(openaiTranscriptions, { ...form, stream: 'true' }).body([interaction], usage);
    expect(streamed.contentType).toBe('text/event-stream; charset=utf-8');
    expect(eventsOf(String(streamed.content))).toMatchObject([{ delta: 'Good day.' }, { text: 'Good day.' }]);
  });

  test('of silence is empty, and of something that Gemini keeps back an error', () => {
    const answer = (response: GenerateContentResponse) =>
      answerTo(openaiTranscriptions, { model, file }).body([response], {}).content;
    expect(JSON.parse(String(answer({ candidates: [{ finishReason: 'STOP' }] }))).text).toBe('');
    const blocked = { candidates: [{ finishReason: 'SAFETY', finishMessage: 'No.' }] };
    expect(() => answer(blocked)).toThrow(
      expect.objectContaining({ status: 400, code: 'content_policy_violation', message: 'No.' }),
    );
  });
});
