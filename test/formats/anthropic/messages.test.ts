import { describe, expect, test } from 'vitest';
import { renderAnthropicError } from '../../../server/formats/anthropic/error.ts';
import { anthropicCountTokens, anthropicMessages } from '../../../server/formats/anthropic/messages.ts';
import { ApiError } from '../../../server/formats/api-error.ts';
import type { RememberedSignature } from '../../../server/formats/format.ts';
import { encodeCarrier } from '../../../server/formats/to-gemini/signature-carrier.ts';
import { dummySignature } from '../../../server/gemini/repair-request.ts';
import { translationContext, upstreamBody } from '../../support/translation.ts';
import { claudeCodeRequest } from './claude-code.ts';

const model = 'gemini-3.8-flash';
const hello = { role: 'user', content: 'Hello?' };

function translate(body: object, remembered: Record<string, RememberedSignature> = {}) {
  const request = { model, max_tokens: 100, messages: [hello], ...body };
  return anthropicMessages.toGemini(request, translationContext(remembered));
}

const toGemini = (body: object, remembered = {}) => upstreamBody(translate(body, remembered));

const contentsOf = (messages: object[], remembered = {}) => toGemini({ messages }, remembered).contents;
const partsOf = (...blocks: object[]) => contentsOf([{ role: 'user', content: blocks }])[0]?.parts;
const configOf = (body: object) => toGemini(body).generationConfig;

function refusalOf(body: object): ApiError {
  try {
    translate(body);
  } catch (error) {
    if (error instanceof ApiError) return error;
    throw error;
  }
  throw new Error('was not refused');
}

const calling = (...ids: string[]) => ({
  role: 'assistant',
  content: ids.map((id) => ({ type: 'tool_use', id, name: 'look', input: { at: id } })),
});
const result = (id: string, content: unknown, more = {}) => ({
  type: 'tool_result',
  tool_use_id: id,
  content,
  ...more,
});

test("Claude Code's requests are taken as they are", () => {
  const translated = translate(claudeCodeRequest);
  expect(translated.ignoredParams).toEqual([]);
  expect(translated.signatureUse).toEqual({ client: 0, restored: 0, placeholder: 1 });
  expect(translated.calls).toEqual([
    {
      action: 'streamGenerateContent',
      body: {
        systemInstruction: {
          parts: [
            { text: 'You are a coding agent.' },
            { text: 'Answer briefly.' },
            { text: 'The user has opened b.ts.' },
          ],
        },
        contents: [
          {
            role: 'user',
            parts: [
              { text: '<system-reminder>Today is Monday.</system-reminder>' },
              { text: 'What is in the picture?' },
            ],
          },
          {
            role: 'model',
            parts: [
              { text: 'I will look at both.' },
              {
                functionCall: { id: 'toolu_01', name: 'Read', args: { file_path: '/a.png' } },
                thoughtSignature: dummySignature,
              },
              { functionCall: { id: 'toolu_02', name: 'Bash', args: { command: 'ls' } } },
            ],
          },
          {
            role: 'user',
            parts: [
              {
                functionResponse: {
                  id: 'toolu_01',
                  name: 'Read',
                  response: { result: '' },
                  parts: [{ inlineData: { mimeType: 'image/png', data: 'iVBORw0KGgo=' } }],
                },
              },
              { functionResponse: { id: 'toolu_02', name: 'Bash', response: { error: 'permission denied' } } },
            ],
          },
          { role: 'user', parts: [{ text: 'Go on.' }] },
        ],
        tools: [
          {
            functionDeclarations: [
              {
                name: 'Read',
                description: 'Reads a file.',
                parametersJsonSchema: {
                  type: 'object',
                  properties: {
                    file_path: { type: 'string' },
                    limit: { type: 'integer', exclusiveMinimum: 0, maximum: 9_007_199_254_740_991 },
                  },
                  required: ['file_path'],
                  additionalProperties: false,
                },
              },
              {
                name: 'Bash',
                description: 'Runs a command.',
                parametersJsonSchema: {
                  type: 'object',
                  properties: {
                    command: { type: 'string' },
                    env: {
                      type: 'object',
                      propertyNames: { type: 'string' },
                      additionalProperties: { type: 'string' },
                    },
                  },
                  required: ['command'],
                  additionalProperties: false,
                },
              },
              {
                name: 'mcp__tickets__update',
                description: 'Updates a ticket.',
                parametersJsonSchema: {
                  type: 'object',
                  properties: {
                    status: {
                      anyOf: [
                        { type: 'string', enum: ['open'] },
                        { type: 'string', enum: ['done'] },
                      ],
                    },
                  },
                },
              },
            ],
          },
        ],
        generationConfig: {
          maxOutputTokens: 32_000,
          thinkingConfig: { thinkingLevel: 'MEDIUM', includeThoughts: true },
        },
      },
    },
  ]);
});

describe('system texts', () => {
  test('come as a text or as blocks, and from the middle of the messages', () => {
    const messages = [hello, { role: 'system', content: 'B' }, { role: 'assistant', content: 'Hi' }, hello];
    expect(toGemini({ system: 'A', messages }).systemInstruction).toEqual({ parts: [{ text: 'A' }, { text: 'B' }] });
    expect(toGemini({ system: '' })).not.toHaveProperty('systemInstruction');
    expect(toGemini({ system: [{ type: 'text', text: '' }] })).not.toHaveProperty('systemInstruction');
  });

  test("lose the line that is for Anthropic's accounts", () => {
    const line = 'x-anthropic-billing-header: cc_version=2.1.197; cch=71fea;';
    expect(toGemini({ system: `${line}\nBe kind.` }).systemInstruction).toEqual({ parts: [{ text: 'Be kind.' }] });
    expect(toGemini({ system: [{ type: 'text', text: line }] })).not.toHaveProperty('systemInstruction');
    expect(toGemini({ system: `Say ${line}` }).systemInstruction).toEqual({ parts: [{ text: `Say ${line}` }] });
  });
});

describe('content', () => {
  test('may be pictures and documents from every source', () => {
    const source = (type: string, more: object) => ({ type: 'document', source: { type, ...more } });
    const image = { type: 'image', source: { type: 'base64', media_type: 'image/jpg', data: '/9j/4AAQ' } };
    expect(partsOf(image)).toEqual([{ inlineData: { mimeType: 'image/jpeg', data: '/9j/4AAQ' } }]);
    expect(partsOf(source('base64', { media_type: 'application/pdf', data: 'JVBERi0=' }))).toEqual([
      { inlineData: { mimeType: 'application/pdf', data: 'JVBERi0=' } },
    ]);
    expect(partsOf(source('text', { media_type: 'text/plain', data: 'A letter' }))).toEqual([{ text: 'A letter' }]);
    expect(partsOf(source('content', { content: 'A letter' }))).toEqual([{ text: 'A letter' }]);
    expect(partsOf(source('content', { content: [{ type: 'text', text: 'A' }, image] }))).toEqual([
      { text: 'A' },
      { inlineData: { mimeType: 'image/jpeg', data: '/9j/4AAQ' } },
    ]);
  });

  test('that is named by an address is fetched into its part', () => {
    const url = 'https://example.com/a.png';
    const content = [{ type: 'image', source: { type: 'url', url } }];
    const translated = translate({ messages: [{ role: 'user', content }] });
    const [download] = translated.downloads;
    expect(download).toEqual({ url, param: 'messages[0].content[0].source.url', part: {} });
    expect(upstreamBody(translated).contents[0]?.parts?.[0]).toBe(download?.part);
  });

  test('may quote a search', () => {
    const block = { type: 'search_result', title: 'T', source: 'https://a', content: [{ type: 'text', text: 'C' }] };
    expect(partsOf(block)).toEqual([{ text: 'T\nhttps://a\n' }, { text: 'C' }]);
  });

  test('without a word is left out', () => {
    const messages = [
      hello,
      { role: 'assistant', content: '' },
      { role: 'user', content: [{ type: 'text', text: '' }] },
    ];
    expect(contentsOf(messages)).toEqual([{ role: 'user', parts: [{ text: 'Hello?' }] }]);
  });
});

describe('results of tools', () => {
  test('stand in the order of the calls, before what the user says, as one turn', () => {
    const user = [
      { role: 'user', content: [{ type: 'text', text: 'and' }, result('b', '{"n":1}')] },
      { role: 'user', content: [result('a', 'text'), { type: 'text', text: 'so' }] },
    ];
    expect(contentsOf([hello, calling('a', 'b'), ...user]).slice(2)).toEqual([
      {
        role: 'user',
        parts: [
          { functionResponse: { id: 'a', name: 'look', response: { result: 'text' } } },
          { functionResponse: { id: 'b', name: 'look', response: { n: 1 } } },
        ],
      },
      { role: 'user', parts: [{ text: 'and' }, { text: 'so' }] },
    ]);
  });

  test.each([
    ['a text', 'sunny', {}, { result: 'sunny' }],
    ['a list in JSON', '[1]', {}, { result: [1] }],
    ['nothing', undefined, {}, { result: '' }],
    [
      'blocks',
      [
        { type: 'text', text: '{"a":' },
        { type: 'text', text: '2}' },
      ],
      {},
      { a: 2 },
    ],
    ['an error', '{"a":2}', { is_error: true }, { error: '{"a":2}' }],
    [
      'a tool that was found',
      [{ type: 'tool_reference', tool_name: 'go' }],
      {},
      { result: 'The tool go is available.' },
    ],
  ])('may be %s', (_name, content, more, response) => {
    const messages = [hello, calling('a'), { role: 'user', content: [result('a', content, more)] }];
    expect(contentsOf(messages)[2]?.parts?.[0]?.functionResponse?.response).toEqual(response);
  });

  test('may hold documents, which older models get in a turn of their own', () => {
    const pdf = { type: 'document', source: { type: 'base64', media_type: 'application/pdf', data: 'JVBERi0=' } };
    const content = [result('a', [{ type: 'text', text: 'done' }, pdf])];
    const messages = [hello, calling('a'), { role: 'user', content }];
    const inlineData = { mimeType: 'application/pdf', data: 'JVBERi0=' };
    const response = { result: 'done' };
    expect(contentsOf(messages)[2]?.parts).toEqual([
      { functionResponse: { id: 'a', name: 'look', response, parts: [{ inlineData }] } },
    ]);
    expect(toGemini({ messages, model: 'gemini-2.5-flash' }).contents.slice(2)).toEqual([
      { role: 'user', parts: [{ functionResponse: { id: 'a', name: 'look', response } }] },
      { role: 'user', parts: [{ text: 'Media that look returned:' }, { inlineData }] },
    ]);
  });

  test("that are missing are refused in Anthropic's words", () => {
    const messages = [hello, calling('a', 'b'), { role: 'user', content: [result('a', '')] }];
    expect(refusalOf({ messages })).toMatchObject({
      status: 400,
      code: 'missing_tool_result',
      message: expect.stringContaining('`tool_use` ids were found without `tool_result` blocks immediately after: b.'),
    });
  });
});

describe('thought signatures', () => {
  const thinking = (signature: string) => ({ type: 'thinking', thinking: 'Hm', signature });
  const answered = (...blocks: object[]) => [
    hello,
    { role: 'assistant', content: [...blocks, ...calling('a').content] },
    { role: 'user', content: [result('a', 'x')] },
  ];
  const signatureIn = (messages: object[], remembered = {}, more = {}) =>
    toGemini({ messages, ...more }, remembered).contents[1]?.parts?.at(-1)?.thoughtSignature;

  test('come back in the signature of a thinking block', () => {
    const carrier = encodeCarrier({ calls: new Map([['a', 'U0lH']]), text: 'VEVYVA', model });
    expect(contentsOf(answered(thinking(carrier), { type: 'text', text: 'So' }))[1]?.parts).toEqual([
      { text: 'So', thoughtSignature: 'VEVYVA' },
      { functionCall: { id: 'a', name: 'look', args: { at: 'a' } }, thoughtSignature: 'U0lH' },
    ]);
    expect(translate({ messages: answered(thinking(carrier)) }).signatureUse.client).toBe(1);
  });

  test('are kept with an empty text, which is left out without one', () => {
    const carrier = encodeCarrier({ calls: new Map(), text: 'VEVYVA', model });
    const empty = { type: 'text', text: '' };
    expect(contentsOf(answered(thinking(carrier), empty))[1]?.parts?.[0]).toEqual({
      text: '',
      thoughtSignature: 'VEVYVA',
    });
    expect(contentsOf(answered(empty))[1]?.parts).toHaveLength(1);
  });

  test('of another vendor are not sent on', () => {
    expect(signatureIn(answered(thinking('EqQBCkYIBxgCKkD')))).toBe(dummySignature);
    expect(signatureIn(answered(thinking('gts1:damaged')))).toBe(dummySignature);
    expect(signatureIn(answered({ type: 'redacted_thinking', data: 'Ab' }))).toBe(dummySignature);
  });

  test('are remembered by the id of the call', () => {
    expect(signatureIn(answered(), { a: { signature: 'U0lH', model } })).toBe('U0lH');
  });

  test('of another family of models are not used', () => {
    const ofGemma = encodeCarrier({ calls: new Map([['a', 'R0VN']]), text: undefined, model: 'gemma-4-31b-it' });
    expect(signatureIn(answered(thinking(ofGemma)))).toBe(dummySignature);
    expect(signatureIn(answered(thinking(ofGemma)), {}, { model: 'gemma-4-31b-it' })).toBe('R0VN');
  });
});

test("what Anthropic's own tools did in earlier turns is left out", () => {
  const content = [
    { type: 'server_tool_use', id: 'srvtoolu_1', name: 'web_search', input: { query: 'q' } },
    { type: 'web_search_tool_result', tool_use_id: 'srvtoolu_1', content: [] },
    { type: 'bash_code_execution_tool_result', tool_use_id: 'srvtoolu_2', content: {} },
    { type: 'text', text: 'Found.', citations: [{ type: 'web_search_result_location' }] },
  ];
  expect(contentsOf([hello, { role: 'assistant', content }, hello])[1]).toEqual({
    role: 'model',
    parts: [{ text: 'Found.' }],
  });
});

test('a picture that the model made comes back as a picture', () => {
  const content = 'Here: ![image](data:image/png;base64,iVBORw0KGgo=) ![image](x.png)';
  expect(contentsOf([hello, { role: 'assistant', content }, hello])[1]?.parts).toEqual([
    { text: 'Here: ' },
    { inlineData: { mimeType: 'image/png', data: 'iVBORw0KGgo=' } },
    { text: ' ![image](x.png)' },
  ]);
});

describe('settings', () => {
  test('are taken over where the model has them', () => {
    const sampling = { temperature: 0.5, top_p: 0.9, top_k: 40, stop_sequences: ['A', 'A', ''] };
    const base = { maxOutputTokens: 100, stopSequences: ['A'] };
    expect(configOf({ ...sampling, model: 'gemini-2.5-flash' })).toEqual({
      ...base,
      temperature: 0.5,
      topP: 0.9,
      topK: 40,
    });
    expect(configOf(sampling)).toEqual(base);
    expect(configOf({ top_k: 0, model: 'gemini-2.5-flash' })).toEqual({ maxOutputTokens: 100 });
  });

  test('ask for JSON by the new field and by the old one', () => {
    const format = { type: 'json_schema', schema: { type: 'object', properties: { a: { const: 1 } } } };
    const expected = {
      maxOutputTokens: 100,
      responseMimeType: 'application/json',
      responseJsonSchema: { type: 'object', properties: { a: { type: 'number', enum: [1] } } },
    };
    expect(configOf({ output_config: { format } })).toEqual(expected);
    expect(configOf({ output_format: format })).toEqual(expected);
  });

  const enabled = (budget_tokens: number, more = {}) => ({ thinking: { type: 'enabled', budget_tokens, ...more } });
  const adaptive = (more = {}) => ({ thinking: { type: 'adaptive', ...more } });
  const effort = (word: string) => ({ output_config: { effort: word } });
  test.each([
    ['nothing', {}, undefined, undefined],
    ['a small budget', enabled(2048), { thinkingLevel: 'LOW', includeThoughts: true }, 2048],
    ['a larger budget', enabled(16_384), { thinkingLevel: 'MEDIUM', includeThoughts: true }, 16_384],
    ['a large budget', enabled(16_385), { thinkingLevel: 'HIGH', includeThoughts: true }, 16_385],
    ['a hidden budget', enabled(1024, { display: 'omitted' }), { thinkingLevel: 'LOW' }, 1024],
    ['none', { thinking: { type: 'disabled' } }, { thinkingLevel: 'LOW' }, 0],
    ['what it likes', adaptive(), { includeThoughts: true }, undefined],
    ['what it likes, hidden', adaptive({ display: 'omitted' }), undefined, undefined],
    [
      'what it likes at an effort',
      { ...adaptive(), ...effort('high') },
      { thinkingLevel: 'HIGH', includeThoughts: true },
      24_576,
    ],
    ['an effort', effort('low'), { thinkingLevel: 'LOW', includeThoughts: true }, 1024],
    ['none in spite of an effort', { thinking: { type: 'disabled' }, ...effort('max') }, { thinkingLevel: 'LOW' }, 0],
    [
      'a budget rather than an effort',
      { ...enabled(1024), ...effort('max') },
      { thinkingLevel: 'LOW', includeThoughts: true },
      1024,
    ],
  ])('ask for thinking: %s', (_name, body, level, budget) => {
    expect(configOf({ ...body, max_tokens: 50_000 })?.thinkingConfig).toEqual(level);
    expect(configOf({ ...body, max_tokens: 50_000, model: 'gemini-2.5-flash' })?.thinkingConfig?.thinkingBudget).toBe(
      budget,
    );
    expect(configOf({ ...body, model: 'gemini-2.0-flash' })).not.toHaveProperty('thinkingConfig');
  });
});

describe('tools', () => {
  const look = { name: 'look', input_schema: { type: 'object' } };
  const search = { type: 'web_search_20250305', name: 'web_search', max_uses: 5 };
  const functionDeclarations = [{ name: 'look' }];
  const callingOf = (body: object) => toGemini(body).toolConfig?.functionCallingConfig;

  test.each([
    [undefined, undefined],
    [{ type: 'auto', disable_parallel_tool_use: true }, undefined],
    [{ type: 'any' }, { mode: 'ANY' }],
    [
      { type: 'tool', name: 'look' },
      { mode: 'ANY', allowedFunctionNames: ['look'] },
    ],
    [{ type: 'none' }, { mode: 'NONE' }],
  ])('with the choice %j', (tool_choice, expected) => {
    expect(callingOf({ tools: [look], tool_choice })).toEqual(expected);
  });

  test('that are strict bind the model to their schemas', () => {
    expect(callingOf({ tools: [{ ...look, strict: true }] })).toEqual({ mode: 'VALIDATED' });
  });

  test("may be Anthropic's search, which is Google's here", () => {
    expect(toGemini({ tools: [search] })).toMatchObject({ tools: [{ googleSearch: {} }] });
    expect(toGemini({ tools: [search, look] }).tools).toEqual([{ googleSearch: {} }, { functionDeclarations }]);
    expect(toGemini({ tools: [search, look], model: 'gemini-2.5-flash' }).tools).toEqual([{ functionDeclarations }]);
  });

  test('are not used at all where none is chosen', () => {
    expect(toGemini({ tools: [search], tool_choice: { type: 'none' } })).not.toHaveProperty('tools');
    expect(toGemini({ tools: [search, look], tool_choice: { type: 'none' } }).tools).toEqual([
      { functionDeclarations },
    ]);
  });

  test('cannot make Gemini search, so a choice of the search leaves it to the model', () => {
    for (const tool_choice of [{ type: 'tool', name: 'web_search' }, { type: 'any' }])
      expect(toGemini({ tools: [search], tool_choice })).not.toHaveProperty('toolConfig');
    expect(callingOf({ tools: [search, look], tool_choice: { type: 'any' } })).toMatchObject({ mode: 'ANY' });
  });
});

test('only fields that nobody knows are told as ignored', () => {
  const known = {
    metadata: { user_id: 'u' },
    container: 'c',
    context_management: {},
    mcp_servers: [],
    service_tier: 'auto',
  };
  expect(translate({ ...known, seed: 1, frobnicate: true }).ignoredParams).toEqual(['seed', 'frobnicate']);
});

describe('a refusal names the field', () => {
  const user = (...content: unknown[]) => ({ messages: [{ role: 'user', content }] });
  const assistant = (...content: unknown[]) => ({ messages: [hello, { role: 'assistant', content }] });
  const image = (source: unknown) => user({ type: 'image', source });
  test.each([
    ['max_tokens', { max_tokens: undefined }],
    ['max_tokens', { max_tokens: 0 }],
    ['model', { model: 5 }],
    ['messages', { messages: [] }],
    ['messages', { messages: 'Hello' }],
    ['messages[0]', { messages: ['Hello'] }],
    ['messages[0].role', { messages: [{ role: 'tool', content: 'x' }] }],
    ['messages[0].content', { messages: [{ role: 'user' }] }],
    ['messages[0].content[0]', user('x')],
    ['messages[0].content[0].type', user({ text: 'x' })],
    ['messages[0].content[0].type', user({ type: 'video' })],
    ['messages[0].content[0].type', user({ type: 'tool_use', id: 'a', name: 'b', input: {} })],
    ['messages[0].content[0].text', user({ type: 'text' })],
    ['messages[0].content[0].source.type', image(undefined)],
    ['messages[0].content[0].source.file_id', image({ type: 'file', file_id: 'file_1' })],
    ['messages[0].content[0].source.data', image({ type: 'base64', media_type: 'image/png' })],
    ['messages[0].content[0].source.media_type', image({ type: 'base64', data: 'AAAA' })],
    ['messages[0].content[0].source.url', image({ type: 'url', url: 'file:///etc/passwd' })],
    ['messages[0].content[0].tool_use_id', user({ type: 'tool_result', content: 'x' })],
    ['messages[0].content[0].tool_use_id', user(result('nobody', 'x'))],
    ['messages[1].content[0].id', assistant({ type: 'tool_use', name: 'b', input: {} })],
    ['messages[1].content[0].name', assistant({ type: 'tool_use', id: 'a', input: {} })],
    ['messages[1].content[0].type', assistant({ type: 'compaction', content: 'x' })],
    ['messages[1].content[0].type', { messages: [hello, { role: 'system', content: [{ type: 'image' }] }] }],
    ['system', { system: 5 }],
    ['system[0].type', { system: [{ type: 'image' }] }],
    ['stream', { stream: 'yes' }],
    ['temperature', { temperature: 2.5 }],
    ['top_p', { top_p: 2 }],
    ['top_k', { top_k: 1.5 }],
    ['stop_sequences', { stop_sequences: ['1', '2', '3', '4', '5', '6'] }],
    ['thinking.type', { thinking: { type: 'always' } }],
    ['thinking.type', { thinking: true }],
    ['thinking.budget_tokens', { thinking: { type: 'enabled' } }],
    ['thinking.budget_tokens', { thinking: { type: 'enabled', budget_tokens: 'many' } }],
    ['output_config', { output_config: 'high' }],
    ['output_config.effort', { output_config: { effort: 'huge' } }],
    ['output_config.format.type', { output_config: { format: { type: 'xml' } } }],
    ['output_config.format.schema', { output_config: { format: { type: 'json_schema' } } }],
    ['tools', { tools: {} }],
    ['tools[0].name', { tools: [{ input_schema: {} }] }],
    ['tools[0].input_schema', { tools: [{ name: 'a', input_schema: 'object' }] }],
    ['tools[0].type', { tools: [{ type: 'bash_20250124', name: 'bash' }] }],
    ['tools[0].type', { tools: [{ type: 'text_editor_20250728', name: 'str_replace_based_edit_tool' }] }],
    ['tools[0].type', { tools: [{ type: 'computer_20250124', name: 'computer' }] }],
    ['tools[0].type', { tools: [{ type: 'code_execution_20250825', name: 'code_execution' }] }],
    ['tools[0].type', { tools: [{ type: 'web_fetch_20250910', name: 'web_fetch' }] }],
    ['tools[0].type', { tools: [{ type: { toString: 1 }, name: 'a' }] }],
    ['tool_choice.type', { tools: [{ name: 'a' }], tool_choice: 'any' }],
    ['tool_choice.name', { tools: [{ name: 'a' }], tool_choice: { type: 'tool' } }],
    ['tool_choice', { tools: [{ name: 'a' }], tool_choice: { type: 'tool', name: 'b' } }],
    ['tool_choice', { tool_choice: { type: 'any' } }],
  ])('%s: %j', (param, body) => {
    expect(refusalOf(body)).toMatchObject({ status: 400, param });
  });
});

test('a conversation that the server is to keep is refused by the code that makes clients send it whole', () => {
  const error = refusalOf({ thread: { type: 'create' } });
  expect(renderAnthropicError(error, 'req_1')).toEqual({
    type: 'error',
    error: {
      type: 'invalid_request_error',
      message: 'thread: Conversations are not kept here: send all messages, without `thread`.',
      details: { error_code: 'thread_unsupported_request' },
    },
    request_id: 'req_1',
  });
});

describe('a count of tokens', () => {
  const count = (body: object) =>
    anthropicCountTokens.toGemini({ model, messages: [hello], ...body }, translationContext());

  test('asks for the prompt alone and needs no limit for an answer', () => {
    const tools = [{ name: 'look', input_schema: { type: 'object' } }];
    const { calls, isStreaming } = count({
      system: 'S',
      tools,
      tool_choice: { type: 'any' },
      thinking: { type: 'adaptive' },
    });
    expect(isStreaming).toBe(false);
    expect(calls).toEqual([
      {
        action: 'countTokens',
        body: {
          generateContentRequest: {
            model: `models/${model}`,
            contents: [{ role: 'user', parts: [{ text: 'Hello?' }] }],
            systemInstruction: { parts: [{ text: 'S' }] },
            tools: [{ functionDeclarations: [{ name: 'look' }] }],
          },
        },
      },
    ]);
  });

  test('is one number', () => {
    const answer = count({}).createAnswer({ created: 0, now: () => 0, randomId: () => '' });
    expect(JSON.parse(String(answer.body([{ totalTokens: 12 }], {}).content))).toEqual({ input_tokens: 12 });
  });

  test('is refused for what a message would be refused for', () => {
    expect(() => count({ messages: [hello, calling('a')] })).toThrow(ApiError);
  });
});
