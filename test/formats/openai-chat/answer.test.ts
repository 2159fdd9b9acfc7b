import { describe, expect, test } from 'vitest';
import type { Answer } from '../../../server/formats/format.ts';
import { openaiChat } from '../../../server/formats/openai-chat/openai-chat.ts';
import { answerSignatureKey } from '../../../server/formats/to-gemini/conversation.ts';
import type { Candidate, GenerateContentResponse, Part } from '../../../server/gemini/types.ts';
import { translationContext } from '../../support/translation.ts';

const usage = { promptTokenCount: 5, candidatesTokenCount: 2, thoughtsTokenCount: 3, totalTokenCount: 10 };

function createAnswer(body: Record<string, unknown> = {}): Answer {
  const context = translationContext();
  const translated = openaiChat.toGemini(
    { model: 'gemini-3.8-flash', messages: [{ role: 'user', content: 'Hello?' }], ...body },
    context,
  );
  const created = 1_700_000_000;
  return translated.createAnswer({ created, now: () => created, randomId: context.randomId });
}

function candidate(parts: Part[], more: Partial<Candidate> = {}): GenerateContentResponse {
  return { candidates: [{ content: { parts }, ...more }], responseId: 'r1', modelVersion: 'served' };
}

function whole(response: GenerateContentResponse, body = {}) {
  return JSON.parse(String(createAnswer(body).body([response], usage).content));
}

/** The events of a stream, as data. */
function streamed(responses: GenerateContentResponse[], body = {}) {
  const answer = createAnswer({ stream: true, ...body });
  const text = responses.map((response) => answer.chunk(response)).join('') + answer.end(usage);
  const events = text.split('\n\n').filter((event) => event !== '');
  expect(events.at(-1)).toBe('data: [DONE]');
  return events.slice(0, -1).map((event) => JSON.parse(event.slice('data: '.length)));
}

const deltas = (events: { choices: { delta: unknown }[] }[]) =>
  events.flatMap(({ choices }) => choices[0]?.delta ?? []);
const callPart = (id: string | undefined, more: Partial<Part> = {}): Part => ({
  functionCall: { ...(id && { id }), name: 'f', args: { a: 1 } },
  ...more,
});

describe('a whole answer', () => {
  test('has every field that clients expect, and thoughts counted as output', () => {
    expect(whole(candidate([{ text: 'Hm.', thought: true }, { text: 'Hi' }], { finishReason: 'STOP' }))).toEqual({
      id: 'chatcmpl-r1',
      object: 'chat.completion',
      created: 1_700_000_000,
      model: 'gemini-3.8-flash',
      system_fingerprint: 'served',
      choices: [
        {
          index: 0,
          message: { role: 'assistant', content: 'Hi', refusal: null, reasoning_content: 'Hm.' },
          logprobs: null,
          finish_reason: 'stop',
          native_finish_reason: 'STOP',
        },
      ],
      usage: {
        prompt_tokens: 5,
        completion_tokens: 5,
        total_tokens: 10,
        prompt_tokens_details: { cached_tokens: 0 },
        completion_tokens_details: { reasoning_tokens: 3 },
      },
    });
  });

  test.each([
    ['MAX_TOKENS', 'length'],
    ['CONTINUATION', 'length'],
    ['SAFETY', 'content_filter'],
    ['RECITATION', 'content_filter'],
    ['OTHER', 'stop'],
    ['SOMETHING_NEW', 'stop'],
  ])('that Gemini ended with %s ends with %s', (finishReason, finish) => {
    expect(whole(candidate([{ text: 'x' }], { finishReason })).choices[0].finish_reason).toBe(finish);
  });

  test('that was blocked is a refusal', () => {
    const blocked = whole({ promptFeedback: { blockReason: 'SAFETY' } }).choices[0];
    expect(blocked).toMatchObject({
      message: { content: null, refusal: 'Prompt blocked by Gemini: SAFETY' },
      finish_reason: 'content_filter',
      native_finish_reason: 'PROMPT_BLOCKED_SAFETY',
    });
    const stopped = whole(candidate([], { finishReason: 'SPII' })).choices[0];
    expect(stopped).toMatchObject({ message: { refusal: 'Response blocked by Gemini: SPII' } });
  });

  test('with calls names each, gives missing and repeated ids new ones, and carries signatures', () => {
    const { choices } = whole(
      candidate([callPart('c1', { thoughtSignature: 'S' }), callPart('c1'), callPart(undefined)], {
        finishReason: 'STOP',
      }),
    );
    const called = { name: 'f', arguments: '{"a":1}' };
    expect(choices[0].finish_reason).toBe('tool_calls');
    expect(choices[0].message).toMatchObject({
      content: null,
      tool_calls: [
        { id: 'c1', type: 'function', function: called, extra_content: { google: { thought_signature: 'S' } } },
        { id: 'call_random1', type: 'function', function: called },
        { id: 'call_random2', type: 'function', function: called },
      ],
    });
  });

  test('of the old functions has one function_call', () => {
    const { choices } = whole(candidate([callPart('c1')], { finishReason: 'STOP' }), { functions: [{ name: 'f' }] });
    expect(choices[0]).toMatchObject({
      message: { function_call: { name: 'f', arguments: '{"a":1}' } },
      finish_reason: 'function_call',
    });
  });

  test('of a custom tool has its text, and repaired names are given back', () => {
    const tools = [{ type: 'custom', custom: { name: '1st' } }];
    const { choices } = whole(candidate([{ functionCall: { name: '_1st', args: { input: 'x' } } }]), { tools });
    expect(choices[0].message.tool_calls).toEqual([
      { id: 'call_random1', type: 'custom', custom: { name: '1st', input: 'x' } },
    ]);
  });

  test('counts the places of its sources in characters, not in bytes', () => {
    const metadata = {
      groundingChunks: [{ web: { uri: 'https://a', title: 'A' } }, {}],
      groundingSupports: [{ segment: { startIndex: 3, endIndex: 6 }, groundingChunkIndices: [0, 1] }],
    };
    const { choices } = whole(candidate([{ text: '°° ok' }], { groundingMetadata: metadata }));
    expect(choices[0].message.annotations).toEqual([
      { type: 'url_citation', url_citation: { start_index: 2, end_index: 4, title: 'A', url: 'https://a' } },
    ]);
  });

  test('counts the places of its sources from the part that they are in', () => {
    const support = (partIndex: number) => ({ segment: { partIndex, endIndex: 2 }, groundingChunkIndices: [0] });
    const groundingMetadata = {
      groundingChunks: [{ web: { uri: 'https://a' } }],
      groundingSupports: [support(1), support(2)],
    };
    const parts = [{ text: 'Hm.', thought: true }, { text: '°°' }, { text: 'ok' }];
    const placesOf = (annotations: { url_citation: { start_index: number; end_index: number } }[]) =>
      annotations.map(({ url_citation: { start_index, end_index } }) => [start_index, end_index]);
    expect(placesOf(whole(candidate(parts, { groundingMetadata })).choices[0].message.annotations)).toEqual([
      [0, 1],
      [2, 4],
    ]);
    const frames = parts.map((part) => candidate([part]));
    const events = streamed([...frames, candidate([], { groundingMetadata })]);
    const last = deltas(events).find((delta) => (delta as { annotations?: [] }).annotations) as { annotations: [] };
    // The pieces of a streamed text are one part.
    expect(placesOf(last.annotations)[0]).toEqual([0, 1]);
  });

  test('counts the places of its sources past the code that was shown before', () => {
    const groundingMetadata = {
      groundingChunks: [{ web: { uri: 'https://a' } }],
      groundingSupports: [{ segment: { partIndex: 1, endIndex: 2 }, groundingChunkIndices: [0] }],
    };
    const parts = [{ executableCode: { language: 'PYTHON', code: '1' } }, { text: 'ok' }];
    const { content, annotations } = whole(candidate(parts, { groundingMetadata })).choices[0].message;
    const { start_index, end_index } = annotations[0].url_citation;
    expect(content.slice(start_index, end_index)).toBe('ok');
  });

  test('that was withheld is a refusal also beside a call', () => {
    const { message, finish_reason } = whole(candidate([callPart('c1')], { finishReason: 'SAFETY' })).choices[0];
    expect(message).toMatchObject({ content: null, refusal: 'Response blocked by Gemini: SAFETY' });
    expect([message.tool_calls.length, finish_reason]).toEqual([1, 'content_filter']);
  });

  test('of speech has samples alone when they were asked for', () => {
    const body = {
      model: 'gemini-2.5-flash-preview-tts',
      modalities: ['audio'],
      audio: { voice: 'alloy', format: 'pcm16' },
    };
    const sound = { inlineData: { mimeType: 'audio/L16;rate=24000', data: 'AQID' } };
    expect(whole(candidate([sound]), body).choices[0].message).toMatchObject({
      content: '',
      audio: { id: 'audio_r1', data: 'AQID' },
    });
  });

  test.each([
    ['a chat', {}],
    ['a body of the Responses API', { messages: undefined, input: 'Hello?' }],
  ])('to %s has what its settings ask for', (_what, body) => {
    const settings = {
      ...body,
      google: { include_grounding: true, response_modalities: ['AUDIO'] },
      audio: { format: 'pcm16' },
      stream_options: { include_usage: true },
    };
    const sound = { inlineData: { mimeType: 'audio/L16;rate=24000', data: 'AQID' } };
    const groundingMetadata = { webSearchQueries: ['q'] };
    const { message } = whole(candidate([sound], { groundingMetadata }), settings).choices[0];
    expect(message.audio.data).toBe('AQID');
    expect(message.extra_content).toEqual({ google: { grounding_metadata: groundingMetadata } });
    expect(streamed([candidate([{ text: 'Hi' }])], settings).at(-1).usage.total_tokens).toBe(10);
  });

  test('shows pictures, code that ran, and speech as a WAV file', () => {
    const picture = { inlineData: { mimeType: 'image/png', data: 'AAAA' } };
    const ran = { executableCode: { language: 'PYTHON', code: '1' } };
    const printed = { codeExecutionResult: { outcome: 'OUTCOME_FAILED', output: 'no' } };
    const { message } = whole(candidate([picture, ran, printed])).choices[0];
    expect(message.images).toEqual([{ type: 'image_url', index: 0, image_url: { url: 'data:image/png;base64,AAAA' } }]);
    expect(message.content).toBe('\n```python\n1\n```\n\n```output\n# OUTCOME_FAILED\nno\n```\n');
    const sound = { inlineData: { mimeType: 'audio/L16;codec=pcm;rate=8000', data: 'AQID' } };
    const wav = Buffer.from(whole(candidate([sound])).choices[0].message.audio.data, 'base64');
    expect([wav.toString('latin1', 0, 4), wav.readUInt32LE(24), wav.length]).toEqual(['RIFF', 8000, 47]);
  });

  test('has the log probabilities that Gemini gave', () => {
    const token = { token: 'é', logProbability: -0.5 };
    const logprobsResult = { chosenCandidates: [token], topCandidates: [{ candidates: [token] }] };
    const expected = { token: 'é', logprob: -0.5, bytes: [195, 169] };
    expect(whole(candidate([{ text: 'é' }], { logprobsResult })).choices[0].logprobs).toEqual({
      content: [{ ...expected, top_logprobs: [expected] }],
      refusal: null,
    });
  });

  test.each([{}, { candidates: [] }, { candidates: [{}] }, { candidates: [{ content: { role: 'model' as const } }] }])(
    'of %j is an empty one',
    (response) => {
      expect(whole(response).choices).toMatchObject([{ index: 0, message: { role: 'assistant' } }]);
    },
  );
});

describe('a streamed answer', () => {
  test('begins with the role, passes pieces on one by one, and ends with one finish reason and the usage', () => {
    const frames = [
      candidate([{ text: 'Hm.', thought: true }], { finishReason: 'STOP' }),
      candidate([{ text: 'He' }, { text: 'llo' }], { finishReason: 'STOP' }),
      candidate([{ text: '', thoughtSignature: 'S' }], { finishReason: 'STOP' }),
    ];
    const events = streamed(frames, { stream_options: { include_usage: true } });
    expect(deltas(events)).toEqual([
      { role: 'assistant', content: '' },
      { reasoning_content: 'Hm.' },
      { content: 'He' },
      { content: 'llo' },
      { extra_content: { google: { thought_signature: 'S' } } },
      {},
    ]);
    const finishes = events.map(({ choices }) => choices[0]?.finish_reason);
    expect(finishes).toEqual([null, null, null, null, null, 'stop', undefined]);
    expect(events.at(-1)).toMatchObject({ choices: [], usage: { total_tokens: 10 } });
    expect(events.slice(0, -1).every((event) => event.usage === null)).toBe(true);
    expect(new Set(events.map(({ id, created, model }) => `${id} ${created} ${model}`)).size).toBe(1);
  });

  test('of the old functions has one function_call only', () => {
    const events = streamed([candidate([callPart('a'), callPart('b')])], { functions: [{ name: 'f' }] });
    expect(deltas(events).filter((delta) => (delta as { function_call?: object }).function_call)).toHaveLength(1);
  });

  test('is a refusal also when the block comes after a frame of usage alone', () => {
    const events = streamed([{ usageMetadata: usage }, { promptFeedback: { blockReason: 'SAFETY' } }]);
    expect(deltas(events)).toContainEqual({ refusal: 'Prompt blocked by Gemini: SAFETY' });
    expect(events.at(-1).choices[0].native_finish_reason).toBe('PROMPT_BLOCKED_SAFETY');
  });

  test('says nothing of usage unless it was asked for', () => {
    expect(streamed([candidate([{ text: 'x' }])]).some((event) => 'usage' in event)).toBe(false);
  });

  test('counts its calls from 0 over all chunks, one call a chunk', () => {
    const events = streamed([
      candidate([callPart('a'), callPart('b')]),
      candidate([callPart('c')], { finishReason: 'STOP' }),
    ]);
    const calls = deltas(events).flatMap(
      (delta) => (delta as { tool_calls?: { index: number; id: string }[] }).tool_calls ?? [],
    );
    expect(calls.map(({ index, id }) => [index, id])).toEqual([
      [0, 'a'],
      [1, 'b'],
      [2, 'c'],
    ]);
    expect(events.at(-1)?.choices[0].finish_reason).toBe('tool_calls');
  });

  test('of a blocked prompt has the refusal', () => {
    const events = streamed([{ promptFeedback: { blockReason: 'OTHER' } }]);
    expect(deltas(events)).toEqual([
      { role: 'assistant', content: '' },
      { refusal: 'Prompt blocked by Gemini: OTHER' },
      {},
    ]);
  });

  test('that breaks off ends with an error object', async () => {
    const { ApiError } = await import('../../../server/formats/api-error.ts');
    const text = createAnswer({ stream: true }).error(new ApiError(502, 'stream_interrupted', 'cut'), usage);
    expect(text).toBe(
      'data: {"error":{"message":"cut","type":"server_error","param":null,"code":"stream_interrupted"}}\n\n',
    );
  });
});

test('signatures are remembered by the id that the client sees, and by the text', () => {
  const answer = createAnswer();
  const parts = [callPart('c1', { thoughtSignature: 'S' }), { text: 'Hi' }, { text: '', thoughtSignature: 'T' }];
  answer.body([candidate(parts)], usage);
  expect(Object.fromEntries(answer.signatures())).toEqual({ c1: 'S', [answerSignatureKey('Hi', [])]: 'T' });
});
