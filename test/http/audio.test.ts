import { toFile } from 'openai';
import { describe, expect, test } from 'vitest';
import { startTestGateway } from '../support/gateway.ts';
import { schemaProblems } from '../support/openai-schema.ts';
import { frame, text } from '../support/simulated-gemini.ts';

const lastRequestQuery =
  '{ requests(first: 1) { nodes { outcome httpStatus tokens { input output total } attempts { failure } } } }';

async function startAudio() {
  const gateway = await startTestGateway();
  const client = await gateway.openai();
  const lastRequest = async () => (await gateway.graphql(lastRequestQuery)).requests.nodes[0];
  return { ...gateway, client, lastRequest };
}

describe('speech for the official client', () => {
  const model = 'gemini-2.5-flash-preview-tts';
  const samples = Buffer.from([0, 0, 1, 0]);
  const usageMetadata = { promptTokenCount: 4, candidatesTokenCount: 30, totalTokenCount: 34 };
  const spoken = (parts: object[], finishReason = 'STOP') => ({
    candidates: [{ content: { role: 'model' as const, parts }, finishReason, index: 0 }],
    usageMetadata,
  });
  const sound = { inlineData: { mimeType: 'audio/L16;codec=pcm;rate=24000', data: samples.toString('base64') } };

  test('is a WAV file where none is named, and the samples alone when they are asked for', async () => {
    const { client, gemini, lastRequest } = await startAudio();
    gemini.answerWith(() => ({ json: spoken([sound]) }));
    const file = await client.audio.speech.create({ model, input: 'Hello', voice: 'alloy' });
    expect(file.headers.get('content-type')).toBe('audio/wav');
    const bytes = Buffer.from(await file.arrayBuffer());
    expect([bytes.toString('latin1', 0, 4), bytes.length, bytes.readUInt32LE(24)]).toEqual(['RIFF', 48, 24_000]);
    expect(bytes.subarray(44)).toEqual(samples);
    expect(await lastRequest()).toMatchObject({ outcome: 'SUCCEEDED', tokens: { input: 4, output: 30, total: 34 } });

    const raw = await client.audio.speech.create({ model, input: 'Hello', voice: 'alloy', response_format: 'pcm' });
    expect(raw.headers.get('content-type')).toBe('audio/pcm');
    expect(Buffer.from(await raw.arrayBuffer())).toEqual(samples);

    const mp3 = client.audio.speech.create({ model, input: 'Hello', voice: 'alloy', response_format: 'mp3' });
    await expect(mp3).rejects.toMatchObject({ status: 400, param: 'response_format' });
  });

  test('that comes out silent is asked for once more', async () => {
    const { client, gemini, lastRequest } = await startAudio();
    const silent = { json: spoken([{ text: 'Hello' }], 'OTHER') };
    gemini.answerWith(() => (gemini.generations().length === 1 ? silent : { json: spoken([sound]) }));
    await client.audio.speech.create({ model, input: 'Hello', voice: 'alloy' });
    expect((await lastRequest()).attempts).toEqual([{ failure: 'empty_response' }, { failure: null }]);

    gemini.answerWith(() => silent);
    const never = client.audio.speech.create({ model, input: 'Hello', voice: 'alloy' });
    await expect(never).rejects.toMatchObject({ status: 502, code: 'empty_response' });
    // Both tries were spent.
    expect(await lastRequest()).toMatchObject({ outcome: 'FAILED', httpStatus: 502, tokens: { total: 68 } });
  });

  test('comes as events when they are asked for', async () => {
    const { client, gemini } = await startAudio();
    const piece = { candidates: [{ content: { role: 'model' as const, parts: [sound] } }] };
    gemini.answerWith(() => ({ frames: [piece, spoken([sound])] }));
    const response = await client.audio.speech.create({
      model,
      input: 'Hello',
      voice: 'alloy',
      response_format: 'pcm',
      stream_format: 'sse',
    });
    expect(response.headers.get('content-type')).toContain('text/event-stream');
    const data = (await response.text()).split('\n').filter((line) => line.startsWith('data: '));
    const events = data.map((line) => JSON.parse(line.slice('data: '.length)));
    expect(events.map(({ type }) => type)).toEqual(['speech.audio.delta', 'speech.audio.delta', 'speech.audio.done']);
    expect(Buffer.from(events[0].audio, 'base64')).toEqual(samples);
    expect(events[2].usage).toEqual({ input_tokens: 4, output_tokens: 30, total_tokens: 34 });
  });
});

describe('transcripts for the official client', () => {
  const model = 'gemini-3.5-flash';
  const recording = () => toFile(Buffer.from('ID3 a talk'), 'talk.mp3', { type: 'audio/mpeg' });

  test('are objects or texts, of what was said or of its English', async () => {
    const { client, gemini, lastRequest } = await startAudio();
    gemini.answerWith(() => ({ json: text('Good day.') }));
    const file = await recording();
    const answer = await client.audio.transcriptions.create({ model, file, language: 'en', temperature: 0 });
    expect(schemaProblems('CreateTranscriptionResponseJson', answer)).toEqual([]);
    expect(answer).toMatchObject({ text: 'Good day.', usage: { type: 'tokens', input_tokens: 7, output_tokens: 3 } });
    expect(await lastRequest()).toMatchObject({ outcome: 'SUCCEEDED', tokens: { total: 10 } });
    const [{ inlineData }, { text: question }] = gemini.generations()[0]?.body.contents[0].parts ?? [];
    expect(inlineData).toEqual({ mimeType: 'audio/mp3', data: Buffer.from('ID3 a talk').toString('base64') });
    expect(question).toContain('The language is en.');

    const plain = await client.audio.transcriptions.create({ model, file, response_format: 'text' });
    expect(plain).toBe('Good day.');
    expect((await client.audio.translations.create({ model, file })).text).toBe('Good day.');
    expect(gemini.generations()[2]?.body.contents[0].parts[1].text).toContain('into English');
    const subtitles = client.audio.transcriptions.create({ model, file, response_format: 'srt' });
    await expect(subtitles).rejects.toMatchObject({ status: 400, param: 'response_format' });
  });

  test('are streamed', async () => {
    const { client, gemini } = await startAudio();
    gemini.answerWith(() => ({ frames: [frame('Good '), text('day.')] }));
    const stream = await client.audio.transcriptions.create({ model, file: await recording(), stream: true });
    const events = [];
    for await (const event of stream) events.push(event);
    expect(events).toMatchObject([
      { type: 'transcript.text.delta', delta: 'Good ' },
      { type: 'transcript.text.delta', delta: 'day.' },
      { type: 'transcript.text.done', text: 'Good day.', usage: { total_tokens: 10 } },
    ]);
  });

  test('of a model that only transcribes have the tokens that Google counts in other words', async () => {
    const { client, gemini, lastRequest } = await startAudio();
    const usage = {
      total_input_tokens: 32,
      total_output_tokens: 5,
      total_tokens: 37,
      input_tokens_by_modality: [{ modality: 'audio', tokens: 32 }],
    };
    gemini.answerWith(() => ({ json: { steps: [{ content: [{ type: 'text', text: 'Good day.' }] }], usage } }));
    const transcriber = { model: 'gemini-3.5-transcribe', file: await recording() };
    const answer = await client.audio.transcriptions.create(transcriber);
    expect(answer).toMatchObject({
      text: 'Good day.',
      usage: { total_tokens: 37, input_token_details: { text_tokens: 0, audio_tokens: 32 } },
    });
    expect(gemini.generations()[0]?.path).toBe('/v1beta/interactions');
    expect(await lastRequest()).toMatchObject({ tokens: { input: 32, output: 5, total: 37 } });
    const stream = await client.audio.transcriptions.create({ ...transcriber, stream: true });
    const types = [];
    for await (const { type } of stream) types.push(type);
    expect(types).toEqual(['transcript.text.delta', 'transcript.text.done']);
  });
});
