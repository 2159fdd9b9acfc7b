import { describe, expect, test } from 'vitest';
import { ApiError } from '../../../server/formats/api-error.ts';
import { answerSignatureKey } from '../../../server/formats/to-gemini/conversation.ts';
import { decodeCarrier } from '../../../server/formats/to-gemini/signature-carrier.ts';
import type { GenerateContentResponse } from '../../../server/gemini/types.ts';
import { answerTo, type Event, events, model, parseEvents, parts, usage, whole } from './fixtures.ts';

const types = (list: Event[]) => list.map(({ type }) => type);
const thought = { text: 'Hmm', thought: true };
const weather = { functionCall: { id: 'c1', name: 'weather', args: { city: 'Rome' } } };
const tools = [{ type: 'function', name: 'weather' }];
const hello = parts([{ text: 'Hello' }], 'STOP');

describe('a whole response', () => {
  test('has every field, with the settings of the request', () => {
    const schema = { type: 'object', properties: { a: { type: 'string' } } };
    const settings = {
      instructions: 'I',
      max_output_tokens: 64,
      max_tool_calls: 3,
      metadata: { a: 'b' },
      parallel_tool_calls: false,
      prompt_cache_key: 'k',
      safety_identifier: 's',
      store: false,
      temperature: 0.5,
      text: { format: { type: 'json_schema', name: 'n', schema }, verbosity: 'low' },
      tool_choice: 'required',
      top_logprobs: 0,
      top_p: 0.9,
      truncation: 'auto',
      user: 'u',
    };
    const offered = [...tools, { type: 'web_search', search_context_size: 'low' }];
    expect(whole({ ...settings, reasoning: { effort: 'low' }, tools: offered }, hello)).toEqual({
      ...settings,
      id: 'resp_1',
      object: 'response',
      created_at: 1_700_000_000,
      completed_at: 1_700_000_009,
      model,
      status: 'completed',
      background: false,
      error: null,
      incomplete_details: null,
      previous_response_id: null,
      reasoning: { effort: 'low', summary: null },
      service_tier: 'default',
      tools: [
        { type: 'function', name: 'weather', parameters: null, strict: false },
        { type: 'web_search', search_context_size: 'low' },
      ],
      output: [
        {
          id: 'msg_2',
          type: 'message',
          status: 'completed',
          role: 'assistant',
          content: [{ type: 'output_text', text: 'Hello', annotations: [], logprobs: [] }],
        },
      ],
      usage: {
        input_tokens: 7,
        input_tokens_details: { cached_tokens: 0, cache_write_tokens: 0 },
        output_tokens: 8,
        output_tokens_details: { reasoning_tokens: 5 },
        total_tokens: 15,
      },
    });
  });

  test('has the defaults where the request has nothing', () => {
    expect(whole({}, hello)).toMatchObject({
      instructions: null,
      max_output_tokens: null,
      metadata: {},
      parallel_tool_calls: true,
      reasoning: { effort: null, summary: null },
      store: true,
      temperature: 1,
      text: { format: { type: 'text' } },
      tool_choice: 'auto',
      tools: [],
      top_p: 1,
      truncation: 'disabled',
      user: null,
    });
  });

  test('has an item for each kind of part, in order', () => {
    const { output } = whole(
      { tools, reasoning: { summary: 'auto' } },
      parts([thought, { text: 'a' }, weather], 'STOP'),
    );
    expect(output).toEqual([
      { id: 'rs_2', type: 'reasoning', summary: [{ type: 'summary_text', text: 'Hmm' }] },
      expect.objectContaining({ id: 'msg_3', type: 'message' }),
      {
        id: 'fc_4',
        type: 'function_call',
        status: 'completed',
        call_id: 'c1',
        name: 'weather',
        arguments: '{"city":"Rome"}',
      },
    ]);
  });

  test('shows thoughts only to those who ask for a summary', () => {
    const { output } = whole({ reasoning: { effort: 'low' } }, parts([thought, { text: 'a' }], 'STOP'));
    expect(output[0]).toEqual({ id: 'rs_2', type: 'reasoning', summary: [] });
  });

  test('names tools of a namespace as the client declared them', () => {
    const declared = [
      {
        type: 'namespace',
        name: 'mcp__fs',
        description: 'Files',
        tools: [
          { type: 'function', name: 'read' },
          { type: 'custom', name: 'patch' },
        ],
      },
    ];
    const answer = parts([
      { functionCall: { id: 'c1', name: 'mcp__fs__read' } },
      { functionCall: { id: 'c2', name: 'mcp__fs__patch', args: { input: '***' } } },
    ]);
    expect(whole({ tools: declared }, answer).output).toMatchObject([
      { type: 'function_call', call_id: 'c1', name: 'read', namespace: 'mcp__fs', arguments: '{}' },
      { type: 'custom_tool_call', call_id: 'c2', name: 'patch', namespace: 'mcp__fs', input: '***' },
    ]);
  });

  test('tells where its statements come from, in flat annotations', () => {
    const groundingMetadata = {
      groundingChunks: [{ web: { uri: 'https://a.example', title: 'A' } }],
      groundingSupports: [{ segment: { startIndex: 4, endIndex: 8 }, groundingChunkIndices: [0] }],
    };
    const [candidate] = parts([{ text: 'Ça é bon' }], 'STOP').candidates ?? [];
    const { output } = whole({}, { candidates: [{ ...candidate, groundingMetadata }] });
    expect(output[0].content[0].annotations).toEqual([
      { type: 'url_citation', start_index: 3, end_index: 6, title: 'A', url: 'https://a.example' },
    ]);
  });

  test('counts the places of its sources from the part that they are in, within each message', () => {
    const support = (partIndex: number, startIndex: number, endIndex: number) => ({
      segment: { partIndex, startIndex, endIndex },
      groundingChunkIndices: [0],
    });
    const groundingMetadata = {
      groundingChunks: [{ web: { uri: 'https://a.example' } }, { web: { uri: 'https://b.example' } }],
      groundingSupports: [support(1, 0, 2), support(3, 2, 4), support(5, 1, 2)],
    };
    const answer = parts([
      thought,
      { text: '°°' },
      { executableCode: { language: 'PYTHON', code: '1' } },
      { text: '°ok' },
      weather,
      { text: 'Yes' },
    ]);
    const placesIn = (output: { content?: { annotations: Record<string, unknown>[] }[] }[]) =>
      output.flatMap(({ content }) =>
        content
          ? [content[0]?.annotations.map(({ start_index, end_index, url }) => [start_index, end_index, url])]
          : [],
      );
    const code = '\n```python\n1\n```\n'.length;
    const [a, b] = ['https://a.example', 'https://b.example'];
    const [candidate] = answer.candidates ?? [];
    const { output } = whole({ tools }, { candidates: [{ ...candidate, groundingMetadata }] });
    const inFirst = [
      [0, 1, a],
      [2 + code + 1, 2 + code + 3, a],
    ];
    const inSecond = [
      [1, 2, a],
      [3, 3, b],
    ];
    expect(placesIn(output)).toEqual([inFirst, inSecond]);
    // In a stream what was said before is closed when the sources of what follows come.
    const frames = (answer.candidates?.[0]?.content?.parts ?? []).map((part) => parts([part]));
    const last = events({ tools }, [...frames, { candidates: [{ groundingMetadata }] }]).at(-1) as Event;
    expect(placesIn((last.response as { output: [] }).output)).toEqual([[], inSecond]);
  });

  test('has pictures as items, and code as text', () => {
    const answer = parts([
      { executableCode: { language: 'PYTHON', code: 'print(1)' } },
      { codeExecutionResult: { outcome: 'OUTCOME_OK', output: '1\n' } },
      { inlineData: { mimeType: 'image/png', data: 'AAA' } },
    ]);
    const { output } = whole({}, answer);
    expect(output[0].content[0].text).toBe('\n```python\nprint(1)\n```\n\n```output\n1\n```\n');
    expect(output[1]).toEqual({ id: 'ig_3', type: 'image_generation_call', status: 'completed', result: 'AAA' });
  });

  test('has the log probabilities of its tokens', () => {
    const token = (text: string) => ({ token: text, logProbability: -0.5 });
    const [candidate] = hello.candidates ?? [];
    const logprobsResult = { chosenCandidates: [token('é')], topCandidates: [{ candidates: [token('e')] }] };
    const { output } = whole({ top_logprobs: 1 }, { candidates: [{ ...candidate, logprobsResult }] });
    expect(output[0].content[0].logprobs).toEqual([
      {
        token: 'é',
        logprob: -0.5,
        bytes: [195, 169],
        top_logprobs: [{ token: 'e', logprob: -0.5, bytes: [101] }],
      },
    ]);
  });
});

describe('an ending', () => {
  const ending = (response: GenerateContentResponse) => {
    const { status, incomplete_details, output } = whole({ tools }, response);
    return { status, reason: incomplete_details?.reason, output };
  };

  test.each([
    ['STOP', 'completed', undefined],
    ['MAX_TOKENS', 'incomplete', 'max_output_tokens'],
    ['CONTINUATION', 'incomplete', 'max_output_tokens'],
    ['SAFETY', 'incomplete', 'content_filter'],
    ['OTHER', 'completed', undefined],
  ])('of a text by %s is %s', (finishReason, status, reason) => {
    const { output, ...ended } = ending(parts([{ text: 'a' }], finishReason));
    expect(ended).toEqual({ status, reason });
    expect(output).toMatchObject([{ type: 'message', status, content: [{ type: 'output_text', text: 'a' }] }]);
  });

  test('by calls is completed', () => {
    expect(ending(parts([weather], 'STOP'))).toMatchObject({
      status: 'completed',
      output: [{ type: 'function_call' }],
    });
  });

  test('without anything has an empty message', () => {
    expect(ending(parts([], 'STOP'))).toMatchObject({
      status: 'completed',
      output: [{ type: 'message', content: [{ type: 'output_text', text: '' }] }],
    });
  });

  test('of a small limit used up by thoughts has no message', () => {
    expect(ending(parts([thought], 'MAX_TOKENS'))).toMatchObject({
      status: 'incomplete',
      output: [{ type: 'reasoning' }],
    });
  });

  test('of a blocked prompt is a refusal', () => {
    expect(ending({ promptFeedback: { blockReason: 'SAFETY' } })).toEqual({
      status: 'incomplete',
      reason: 'content_filter',
      output: [
        expect.objectContaining({
          type: 'message',
          content: [{ type: 'refusal', refusal: 'Prompt blocked by Gemini: SAFETY' }],
        }),
      ],
    });
  });

  test('of a blocked answer says why', () => {
    const blocked = { candidates: [{ finishReason: 'RECITATION', finishMessage: 'Too near to a source.' }] };
    expect(ending(blocked).output).toMatchObject([{ content: [{ refusal: 'Too near to a source.' }] }]);
    expect(ending({ candidates: [{ finishReason: 'SAFETY' }] }).output).toMatchObject([
      { content: [{ refusal: 'Response blocked by Gemini: SAFETY' }] },
    ]);
  });

  test.each([{}, { candidates: [] }, { candidates: [{}] }, { candidates: [{ content: { parts: [{}] } }] }])(
    'of %j is an empty answer, not a crash',
    (response) => {
      expect(ending(response)).toMatchObject({ status: 'completed', output: [{ type: 'message' }] });
    },
  );
});

describe('a stream', () => {
  test('tells of a message as it grows', () => {
    const list = events({}, [parts([{ text: 'Hel' }]), parts([{ text: 'lo' }], 'STOP')]);
    const place = { item_id: 'msg_2', output_index: 0, content_index: 0 };
    const part = { type: 'output_text', text: 'Hello', annotations: [], logprobs: [] };
    const item = { id: 'msg_2', type: 'message', status: 'completed', role: 'assistant', content: [part] };
    expect(list.slice(2, -1)).toEqual([
      { type: 'response.output_item.added', output_index: 0, item: { ...item, status: 'in_progress', content: [] } },
      { type: 'response.content_part.added', ...place, part: { ...part, text: '' } },
      { type: 'response.output_text.delta', ...place, delta: 'Hel', logprobs: [] },
      { type: 'response.output_text.delta', ...place, delta: 'lo', logprobs: [] },
      { type: 'response.output_text.done', ...place, text: 'Hello', logprobs: [] },
      { type: 'response.content_part.done', ...place, part },
      { type: 'response.output_item.done', output_index: 0, item },
    ]);
    expect(list[0]).toMatchObject({ type: 'response.created', response: { status: 'in_progress', output: [] } });
    expect(list[1]).toMatchObject({ type: 'response.in_progress', response: { id: 'resp_1', status: 'in_progress' } });
  });

  test('ends with the same response as an answer that is sent whole', () => {
    const list = [thought, { text: 'a' }, { ...weather, thoughtSignature: 'S' }];
    const body = { tools, reasoning: { summary: 'auto' }, include: ['reasoning.encrypted_content'] };
    const frames = list.map((part, index) => parts([part], index === 2 ? 'STOP' : undefined));
    const last = events(body, frames).at(-1);
    expect(last).toEqual({ type: 'response.completed', response: whole(body, parts(list, 'STOP')) });
    const items = events(body, frames).filter(({ type }) => type === 'response.output_item.done');
    expect(items.map(({ item }) => item)).toEqual(last?.response.output);
  });

  test('closes an item when a part of another kind comes, and counts the items', () => {
    const frames = [
      parts([thought, { text: 'ing', thought: true }]),
      parts([{ text: 'a' }]),
      parts([weather, { functionCall: { name: 'weather' } }], 'STOP'),
    ];
    const list = events({ tools, reasoning: { summary: 'auto' } }, frames);
    expect(types(list)).toEqual([
      'response.created',
      'response.in_progress',
      'response.output_item.added',
      'response.reasoning_summary_part.added',
      'response.reasoning_summary_text.delta',
      'response.reasoning_summary_text.delta',
      'response.reasoning_summary_text.done',
      'response.reasoning_summary_part.done',
      'response.output_item.done',
      'response.output_item.added',
      'response.content_part.added',
      'response.output_text.delta',
      'response.output_text.done',
      'response.content_part.done',
      'response.output_item.done',
      'response.output_item.added',
      'response.function_call_arguments.delta',
      'response.function_call_arguments.done',
      'response.output_item.done',
      'response.output_item.added',
      'response.function_call_arguments.delta',
      'response.function_call_arguments.done',
      'response.output_item.done',
      'response.completed',
    ]);
    const indexes = list.flatMap(({ output_index }) => output_index ?? []);
    expect(indexes).toEqual([...Array(7).fill(0), ...Array(6).fill(1), ...Array(4).fill(2), ...Array(4).fill(3)]);
    expect(list[15]).toMatchObject({ item: { type: 'function_call', arguments: '', status: 'in_progress' } });
    expect(list[17]).toEqual({
      type: 'response.function_call_arguments.done',
      item_id: 'fc_4',
      output_index: 2,
      name: 'weather',
      arguments: '{"city":"Rome"}',
    });
  });

  test('tells of custom tools, refusals, pictures and sources in their own events', () => {
    const custom = events({ tools: [{ type: 'custom', name: 'patch' }] }, [
      parts([{ functionCall: { name: 'patch', args: { input: '***' } } }], 'STOP'),
    ]);
    expect(custom.slice(3, 5)).toEqual([
      { type: 'response.custom_tool_call_input.delta', item_id: 'ctc_3', output_index: 0, delta: '***' },
      { type: 'response.custom_tool_call_input.done', item_id: 'ctc_3', output_index: 0, input: '***' },
    ]);
    const refused = events({}, [{ promptFeedback: { blockReason: 'SAFETY' } }]);
    expect(types(refused).slice(3)).toEqual([
      'response.content_part.added',
      'response.refusal.delta',
      'response.refusal.done',
      'response.content_part.done',
      'response.output_item.done',
      'response.incomplete',
    ]);
    const picture = events({}, [parts([{ inlineData: { mimeType: 'image/png', data: 'AAA' } }], 'STOP')]);
    expect(types(picture)).toContain('response.image_generation_call.completed');
    const groundingMetadata = { groundingChunks: [{ web: { uri: 'https://a.example' } }] };
    const grounded = events({}, [hello, { candidates: [{ groundingMetadata }] }]);
    expect(grounded[5]).toEqual({
      type: 'response.output_text.annotation.added',
      item_id: 'msg_2',
      output_index: 0,
      content_index: 0,
      annotation_index: 0,
      annotation: { type: 'url_citation', start_index: 5, end_index: 5, title: '', url: 'https://a.example' },
    });
  });

  test('holds the usage at its end, also when the model sent nothing', () => {
    const last = events({}, []).at(-1);
    expect(last).toMatchObject({ type: 'response.completed', response: { usage: { total_tokens: 15 } } });
    const cut = events({}, [parts([{ text: 'a' }], 'MAX_TOKENS')]).at(-1);
    expect(cut).toMatchObject({ type: 'response.incomplete', response: { usage: { total_tokens: 15 } } });
  });

  test('has no more than one line of data in an event, whatever the text', () => {
    const list = events({}, [parts([{ text: 'a\n\nb\r\u2028data: x' }], 'STOP')]);
    expect(list.at(-1)?.response.output[0].content[0].text).toBe('a\n\nb\r\u2028data: x');
  });
});

describe('a failure in a stream', () => {
  const failureOf = (error: ApiError, frames: GenerateContentResponse[] = []) => {
    const answer = answerTo({ stream: true });
    const opening = frames.map((frame) => answer.chunk(frame)).join('');
    return parseEvents(opening + answer.error(error, usage));
  };

  test('ends it with all that has come', () => {
    const list = failureOf(new ApiError(502, 'upstream_error', 'Gone.'), [parts([{ text: 'Hel' }])]);
    expect(types(list).slice(-2)).toEqual(['response.output_text.delta', 'response.failed']);
    expect(list.at(-1)?.response).toMatchObject({
      status: 'failed',
      error: { code: 'server_error', message: 'Gone.' },
      incomplete_details: null,
      completed_at: null,
      output: [{ status: 'incomplete', content: [{ text: 'Hel' }] }],
      usage: { total_tokens: 15 },
    });
  });

  test('before anything has come opens it first, as clients expect', () => {
    const list = failureOf(new ApiError(503, 'model_overloaded', 'Busy.'));
    expect(types(list)).toEqual(['response.created', 'response.in_progress', 'response.failed']);
  });

  test.each([
    [429, 'rate_limit_exceeded', 'rate_limit_exceeded'],
    [429, 'insufficient_quota', 'insufficient_quota'],
    [400, 'context_length_exceeded', 'context_length_exceeded'],
    [400, 'invalid_argument', 'invalid_prompt'],
    [404, 'model_not_found', 'invalid_prompt'],
    [502, 'malformed_function_call', 'server_error'],
    [504, 'upstream_timeout', 'server_error'],
  ])('%i %s is told as %s', (status, code, told) => {
    expect(failureOf(new ApiError(status, code, 'm')).at(-1)?.response.error).toEqual({ code: told, message: 'm' });
  });
});

describe('signatures', () => {
  const carried = (body: Record<string, unknown>, response: GenerateContentResponse) => {
    const { output } = whole({ tools, ...body }, response);
    return output.map((item: { type: string; encrypted_content?: string }) => {
      const carrier = decodeCarrier(item.encrypted_content);
      return carrier ? { ...carrier, calls: Object.fromEntries(carrier.calls) } : item.type;
    });
  };
  const keeps = { include: ['reasoning.encrypted_content'] };
  const signed = { ...weather, thoughtSignature: 'S' };

  test('of calls go with the thoughts before them', () => {
    expect(carried(keeps, parts([thought, signed], 'STOP'))).toEqual([
      { calls: { c1: 'S' }, text: undefined, model },
      'function_call',
    ]);
  });

  test('get an item of their own where there are no thoughts, and go to all who store nothing here', () => {
    expect(carried({ store: false }, parts([{ text: 'a' }, signed], 'STOP'))).toEqual([
      'message',
      { calls: { c1: 'S' }, text: undefined, model },
      'function_call',
    ]);
  });

  test('of a text go before it when they come with it, else after it', () => {
    expect(carried(keeps, parts([{ text: 'a', thoughtSignature: 'T' }], 'STOP'))).toEqual([
      { calls: {}, text: 'T', model },
      'message',
    ]);
    expect(carried(keeps, parts([{ text: 'a' }, { text: '', thoughtSignature: 'T' }], 'STOP'))).toEqual([
      'message',
      { calls: {}, text: 'T', model },
    ]);
  });

  test('are kept from clients that did not ask for them', () => {
    expect(carried({}, parts([thought, signed], 'STOP'))).toEqual(['reasoning', 'function_call']);
  });

  test('are remembered by call id and by the text', () => {
    const answer = answerTo({ tools });
    const list = [{ text: 'a' }, { ...signed, functionCall: { name: 'weather' } }, { text: '', thoughtSignature: 'T' }];
    const body = JSON.parse(String(answer.body([parts(list, 'STOP')], usage).content));
    expect([...answer.signatures()]).toEqual([
      [body.output[1].call_id, 'S'],
      [answerSignatureKey('a', []), 'T'],
    ]);
  });
});

describe('what is stored', () => {
  test('is the response as it was sent, and all that it answers, each item with an id', () => {
    const answer = answerTo({
      input: [
        { role: 'user', content: 'q' },
        { type: 'web_search_call', id: 'ws_1' },
      ],
    });
    const { content } = answer.body([hello], usage);
    const stored = answer.stored?.();
    expect(stored?.body).toEqual(JSON.parse(String(content)));
    expect(stored?.input).toEqual([
      { type: 'message', role: 'user', content: 'q', id: 'msg_1' },
      { type: 'web_search_call', id: 'ws_1' },
    ]);
    expect(stored?.bytes).toBe(String(content).length);
  });

  test('counts what came before', () => {
    const previous = { body: { id: 'resp_0', output: [] }, input: [], bytes: 5000 };
    const answer = answerTo({ previous_response_id: 'resp_0' }, { responses: [previous] });
    const { content } = answer.body([hello], usage);
    expect(answer.stored?.()?.bytes).toBe(5000 + String(content).length);
  });

  test('is nothing with `store: false`, before the end, and after a failure', () => {
    const unstored = answerTo({ store: false });
    unstored.body([hello], usage);
    expect(unstored.stored?.()).toBeNull();
    const failed = answerTo({ stream: true });
    failed.chunk(hello);
    expect(failed.stored?.()).toBeNull();
    failed.error(new ApiError(502, 'upstream_error', 'Gone.'), usage);
    expect(failed.stored?.()).toBeNull();
  });
});
