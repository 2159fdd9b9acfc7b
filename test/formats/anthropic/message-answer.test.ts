import { describe, expect, test } from 'vitest';
import { MessageAnswer, ping } from '../../../server/formats/anthropic/message-answer.ts';
import { ApiError } from '../../../server/formats/api-error.ts';
import { answerSignatureKey } from '../../../server/formats/to-gemini/conversation.ts';
import { decodeCarrier } from '../../../server/formats/to-gemini/signature-carrier.ts';
import { createToolNames } from '../../../server/formats/to-gemini/tool-names.ts';
import type { GenerateContentResponse, Part, UsageMetadata } from '../../../server/gemini/types.ts';

const usage: UsageMetadata = {
  promptTokenCount: 20,
  cachedContentTokenCount: 12,
  toolUsePromptTokenCount: 3,
  candidatesTokenCount: 5,
  thoughtsTokenCount: 7,
};
const anthropicUsage = {
  input_tokens: 11,
  cache_creation_input_tokens: 0,
  cache_read_input_tokens: 12,
  output_tokens: 12,
};

const createAnswer = () =>
  new MessageAnswer({
    created: 0,
    now: () => 0,
    randomId: (length) => 'x'.repeat(length),
    model: 'claude-sonnet',
    upstreamModel: 'gemini-3.8-flash',
    names: createToolNames(['2look']),
  });

function response(
  parts: Part[],
  more: Partial<GenerateContentResponse> = {},
  finishReason?: string,
): GenerateContentResponse {
  const candidate = { content: { role: 'model' as const, parts }, ...(finishReason && { finishReason }) };
  return { candidates: [candidate], responseId: 'r1', ...more };
}

function bodyOf(answer: MessageAnswer, whole: GenerateContentResponse) {
  return JSON.parse(String(answer.body([whole], usage).content));
}

const contentOf = (...parts: Part[]) => bodyOf(createAnswer(), response(parts, {}, 'STOP')).content;

/** The data of the events, which are named after it. */
function eventsIn(text: string) {
  return text
    .split('\n\n')
    .slice(0, -1)
    .map((block) => {
      const [, name, data = ''] = /^event: (.*)\ndata: (.*)$/.exec(block) ?? [];
      const event = JSON.parse(data);
      expect(event.type).toBe(name);
      return event;
    });
}

function stream(answer: MessageAnswer, ...chunks: GenerateContentResponse[]) {
  return eventsIn(chunks.map((chunk) => answer.chunk(chunk)).join('') + answer.end(usage));
}

const call = (id: string, signature?: string): Part => ({
  functionCall: { id, name: '_2look', args: { at: id } },
  ...(signature && { thoughtSignature: signature }),
});

describe('a whole message', () => {
  test("has Anthropic's shape, the client's model and tool names, and its usage", () => {
    const parts = [{ text: 'Hm', thought: true }, { text: 'I ' }, { text: 'look' }, call('c1', 'U0lH'), call('c2')];
    const { content, ...message } = bodyOf(createAnswer(), response(parts, {}, 'STOP'));
    expect(message).toEqual({
      id: 'msg_r1',
      type: 'message',
      role: 'assistant',
      model: 'claude-sonnet',
      stop_reason: 'tool_use',
      stop_sequence: null,
      stop_details: null,
      container: null,
      usage: anthropicUsage,
    });
    expect(content).toEqual([
      { type: 'thinking', thinking: 'Hm', signature: expect.stringMatching(/^gts1:/) },
      { type: 'text', text: 'I look' },
      { type: 'tool_use', id: 'c1', name: '2look', input: { at: 'c1' } },
      { type: 'tool_use', id: 'c2', name: '2look', input: { at: 'c2' } },
    ]);
    expect(decodeCarrier(content[0].signature)).toEqual({
      calls: new Map([['c1', 'U0lH']]),
      text: undefined,
      model: 'gemini-3.8-flash',
    });
  });

  test('keeps the order of blocks, but thinks first and once', () => {
    const parts = [
      { text: 'A' },
      call('c1'),
      { text: 'Hm', thought: true },
      { text: 'B' },
      { text: '!', thought: true },
    ];
    expect(
      contentOf(...parts).map(({ type, thinking, text }: Record<string, string>) => thinking ?? text ?? type),
    ).toEqual(['Hm!', 'A', 'tool_use', 'B']);
  });

  test('has no thinking block for a signature alone, which is remembered instead', () => {
    const answer = createAnswer();
    const { content } = bodyOf(answer, response([{ text: 'A' }, { text: '', thoughtSignature: 'VEVYVA' }], {}, 'STOP'));
    expect(content).toEqual([{ type: 'text', text: 'A' }]);
    expect(answer.signatures()).toEqual(new Map([[answerSignatureKey('A', []), 'VEVYVA']]));
  });

  test('shows code that Gemini ran as text, pictures as Markdown, and nothing of what it does not know', () => {
    const parts = [
      { executableCode: { language: 'PYTHON', code: 'print(1)' } },
      { inlineData: { mimeType: 'image/png', data: 'iVBORw==' }, thoughtSignature: 'VEVYVA' },
      { toolCall: {} } as Part,
      {},
    ];
    const answer = createAnswer();
    const text = '\n```python\nprint(1)\n```\n![image](data:image/png;base64,iVBORw==)';
    expect(bodyOf(answer, response(parts, {}, 'STOP')).content).toEqual([{ type: 'text', text }]);
    expect([...answer.signatures().keys()]).toEqual([answerSignatureKey('\n```python\nprint(1)\n```\n', ['iVBORw=='])]);
  });

  test('has an object as the input of a tool whatever came', () => {
    const odd = { functionCall: { name: '_2look', args: [1] } } as unknown as Part;
    expect(contentOf({ functionCall: { name: '_2look' } }, odd)).toMatchObject([{ input: {} }, { input: {} }]);
  });

  test.each([
    ['STOP', 'A', 'end_turn', null],
    [undefined, 'A', 'end_turn', null],
    ['MAX_TOKENS', 'A', 'max_tokens', null],
    ['CONTINUATION', 'A', 'max_tokens', null],
    ['OTHER', 'A', 'end_turn', null],
    ['SAFETY', 'A', 'refusal', 'Response blocked by Gemini: SAFETY'],
    ['OTHER', '', 'refusal', 'Response blocked by Gemini: OTHER'],
  ])('that ended with %s after "%s" stops by %s', (reason, text, stop_reason, explanation) => {
    const stop_details = explanation && { type: 'refusal', category: null, explanation };
    const message = bodyOf(createAnswer(), response([{ text }], {}, reason));
    expect(message).toMatchObject({ stop_reason, stop_details, content: text === '' ? [] : [{ type: 'text', text }] });
  });

  test("has Gemini's own words for a refusal, and the reason of a blocked prompt", () => {
    const refused = { candidates: [{ finishReason: 'IMAGE_SAFETY', finishMessage: 'No such picture.' }] };
    expect(bodyOf(createAnswer(), refused)).toMatchObject({ stop_details: { explanation: 'No such picture.' } });
    expect(bodyOf(createAnswer(), { promptFeedback: { blockReason: 'SAFETY' } })).toMatchObject({
      id: `msg_${'x'.repeat(24)}`,
      content: [],
      stop_reason: 'refusal',
      stop_details: { explanation: 'Prompt blocked by Gemini: SAFETY' },
    });
  });
});

describe('a stream', () => {
  const start = { id: 'msg_r1', type: 'message', role: 'assistant', model: 'claude-sonnet', content: [] };
  const ending = { stop_sequence: null, stop_details: null, container: null };
  const delta = (index: number, type: string, more: object) => ({
    type: 'content_block_delta',
    index,
    delta: { type, ...more },
  });
  const stop = (index: number) => ({ type: 'content_block_stop', index });

  test('is message, ping, blocks, usage, end, with a text delta for every part', () => {
    const first = response([{ text: 'Hel' }], { usageMetadata: { promptTokenCount: 20 } });
    const last = response([{ text: 'lo' }, { text: '' }, { text: '', thoughtSignature: 'VEVYVA' }], {}, 'STOP');
    expect(stream(createAnswer(), first, last)).toEqual([
      {
        type: 'message_start',
        message: {
          ...start,
          ...ending,
          stop_reason: null,
          usage: { input_tokens: 20, cache_creation_input_tokens: 0, cache_read_input_tokens: 0, output_tokens: 0 },
        },
      },
      { type: 'ping' },
      { type: 'content_block_start', index: 0, content_block: { type: 'text', text: '' } },
      delta(0, 'text_delta', { text: 'Hel' }),
      delta(0, 'text_delta', { text: 'lo' }),
      stop(0),
      { type: 'message_delta', delta: { ...ending, stop_reason: 'end_turn' }, usage: anthropicUsage },
      { type: 'message_stop' },
    ]);
  });

  test('tells thoughts before calls, and in their block the signature of the first call', () => {
    const answer = createAnswer();
    const chunks = [
      response([{ text: 'H', thought: true }]),
      response([{ text: 'm', thought: true }]),
      response([call('c1', 'U0lH'), call('c2')]),
      response([], {}, 'STOP'),
    ];
    const events = stream(answer, ...chunks).slice(2, -1);
    expect(events).toEqual([
      { type: 'content_block_start', index: 0, content_block: { type: 'thinking', thinking: '', signature: '' } },
      delta(0, 'thinking_delta', { thinking: 'H' }),
      delta(0, 'thinking_delta', { thinking: 'm' }),
      delta(0, 'signature_delta', { signature: expect.any(String) }),
      stop(0),
      {
        type: 'content_block_start',
        index: 1,
        content_block: { type: 'tool_use', id: 'c1', name: '2look', input: {} },
      },
      delta(1, 'input_json_delta', { partial_json: '{"at":"c1"}' }),
      stop(1),
      {
        type: 'content_block_start',
        index: 2,
        content_block: { type: 'tool_use', id: 'c2', name: '2look', input: {} },
      },
      delta(2, 'input_json_delta', { partial_json: '{"at":"c2"}' }),
      stop(2),
      expect.objectContaining({ type: 'message_delta', delta: { ...ending, stop_reason: 'tool_use' } }),
    ]);
    expect(decodeCarrier(events[3].delta.signature)?.calls).toEqual(new Map([['c1', 'U0lH']]));
    expect(answer.signatures()).toEqual(new Map([['c1', 'U0lH']]));
  });

  test('never opens a thinking block late', () => {
    const late = stream(
      createAnswer(),
      response([{ text: 'A' }, { text: 'Hm', thought: true }, { text: 'B' }], {}, 'STOP'),
    );
    expect(JSON.stringify(late)).not.toContain('thinking');
    const reopened = [{ text: 'Hm', thought: true }, { text: 'A' }, { text: '!', thought: true }, { text: 'B' }];
    const types = stream(createAnswer(), response(reopened, {}, 'STOP')).map(
      ({ delta: { type } = { type: '' } }) => type,
    );
    expect(types.filter(Boolean)).toEqual(['thinking_delta', 'signature_delta', 'text_delta', 'text_delta']);
  });

  test('of thoughts alone closes their block', () => {
    const events = stream(createAnswer(), response([{ text: 'Hm', thought: true }], {}, 'MAX_TOKENS'));
    expect(events.slice(-4, -1)).toEqual([
      delta(0, 'signature_delta', { signature: expect.stringMatching(/^gts1:/) }),
      stop(0),
      expect.objectContaining({ delta: { ...ending, stop_reason: 'max_tokens' } }),
    ]);
  });

  test('without anything is a message all the same', () => {
    const events = stream(createAnswer());
    expect(events.map(({ type }) => type)).toEqual(['message_start', 'ping', 'message_delta', 'message_stop']);
    const blocked = stream(createAnswer(), { promptFeedback: { blockReason: 'SAFETY' } });
    expect(blocked.at(-2).delta).toMatchObject({ stop_reason: 'refusal' });
  });

  test('that fails ends with an error event', () => {
    const error = new ApiError(503, 'model_overloaded', 'Busy');
    expect(eventsIn(createAnswer().error(error))).toEqual([
      { type: 'error', error: { type: 'overloaded_error', message: 'Busy' }, request_id: null },
    ]);
    expect(ping).toBe('event: ping\ndata: {"type":"ping"}\n\n');
  });
});
