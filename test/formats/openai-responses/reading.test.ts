import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { ApiError } from '../../../server/formats/api-error.ts';
import type { StoredResponse } from '../../../server/formats/format.ts';
import { answerSignatureKey } from '../../../server/formats/to-gemini/conversation.ts';
import { encodeCarrier } from '../../../server/formats/to-gemini/signature-carrier.ts';
import { dummySignature } from '../../../server/gemini/repair-request.ts';
import { upstreamBody } from '../../support/translation.ts';
import { answerTo, model, translate, upstream } from './fixtures.ts';

const user = { role: 'user', content: 'q' };
const call = (id: string, name = 'f') => ({ type: 'function_call', call_id: id, name, arguments: '{"a":1}' });
const output = (id: string, text = 'done') => ({ type: 'function_call_output', call_id: id, output: text });
const userTurn = { role: 'user', parts: [{ text: 'q' }] };
const carrier = (calls: Record<string, string>, text?: string, maker = model) => ({
  type: 'reasoning',
  id: 'rs_1',
  summary: [],
  encrypted_content: encodeCarrier({ calls: new Map(Object.entries(calls)), text, model: maker }),
});

describe('input', () => {
  test('may be a text; instructions are the system text', () => {
    expect(upstream({ input: 'q', instructions: 'Be brief' })).toEqual({
      systemInstruction: { parts: [{ text: 'Be brief' }] },
      contents: [userTurn],
    });
  });

  test('messages may leave out their type and have texts or parts; system texts go where Gemini has them', () => {
    const input = [
      { role: 'developer', content: [{ type: 'input_text', text: 'A' }] },
      { type: 'message', role: 'user', content: [{ type: 'input_text', text: 'q' }] },
      { type: 'message', role: 'assistant', content: [{ type: 'output_text', text: 'a' }] },
      { role: 'system', content: 'B' },
      { role: 'assistant', content: [{ type: 'refusal', refusal: 'no' }] },
      { role: 'user', content: '' },
      user,
    ];
    expect(upstream({ input, instructions: 'I' })).toEqual({
      systemInstruction: { parts: [{ text: 'I' }, { text: 'A' }, { text: 'B' }] },
      contents: [userTurn, { role: 'model', parts: [{ text: 'a' }, { text: 'no' }] }, userTurn],
    });
  });

  test('media come as data, or by address to be fetched', () => {
    const content = [
      { type: 'input_image', image_url: 'data:image/png;base64,AAA', detail: 'auto' },
      { type: 'input_image', image_url: 'https://example.com/a.png' },
      { type: 'input_file', filename: 'a.pdf', file_data: 'data:application/pdf;base64,BBB' },
      { type: 'input_audio', input_audio: { data: 'CCC', format: 'wav' } },
    ];
    const translated = translate({ input: [{ role: 'user', content }] });
    const { contents } = upstreamBody(translated);
    const [image, fetched, file, audio] = contents[0]?.parts ?? [];
    expect([image, file, audio]).toEqual([
      { inlineData: { mimeType: 'image/png', data: 'AAA' } },
      { inlineData: { mimeType: 'application/pdf', data: 'BBB' } },
      { inlineData: { mimeType: 'audio/wav', data: 'CCC' } },
    ]);
    expect(translated.downloads).toEqual([
      { url: 'https://example.com/a.png', param: 'input[0].content[1].image_url', part: fetched },
    ]);
    expect(translated.downloads[0]?.part).toBe(fetched);
  });

  test('consecutive calls are one turn, and so are their results, in the order of the calls', () => {
    const parallel = [user, call('c1'), call('c2', 'g'), output('c2', '{"z":2}'), output('c1', '1')];
    expect(upstream({ input: parallel }).contents).toEqual([
      userTurn,
      {
        role: 'model',
        parts: [
          { functionCall: { id: 'c1', name: 'f', args: { a: 1 } }, thoughtSignature: dummySignature },
          { functionCall: { id: 'c2', name: 'g', args: { a: 1 } } },
        ],
      },
      {
        role: 'user',
        parts: [
          { functionResponse: { id: 'c1', name: 'f', response: { result: 1 } } },
          { functionResponse: { id: 'c2', name: 'g', response: { z: 2 } } },
        ],
      },
    ]);
  });

  test('steps one after the other are turns of their own', () => {
    const { contents } = upstream({ input: [user, call('c1'), output('c1'), call('c2'), output('c2'), user] });
    expect(contents.map(({ role }) => role)).toEqual(['user', 'model', 'user', 'model', 'user', 'user']);
  });

  test('results may have parts with pictures', () => {
    const parts = [
      { type: 'input_text', text: 'see' },
      { type: 'input_image', image_url: 'data:image/png;base64,AAA' },
    ];
    const input = [user, call('c1'), { type: 'function_call_output', call_id: 'c1', output: parts }];
    expect(upstream({ input }).contents[2]?.parts).toEqual([
      {
        functionResponse: {
          id: 'c1',
          name: 'f',
          response: { result: 'see' },
          parts: [{ inlineData: { mimeType: 'image/png', data: 'AAA' } }],
        },
      },
    ]);
  });

  test('tools with free text have their own items', () => {
    const tools = [{ type: 'custom', name: 'patch', description: 'Patches', format: { type: 'grammar' } }];
    const input = [
      user,
      { type: 'custom_tool_call', call_id: 'c1', name: 'patch', input: '*** Begin' },
      { type: 'custom_tool_call_output', call_id: 'c1', output: 'ok' },
    ];
    const { contents, tools: declared } = upstream({ input, tools });
    expect(contents[1]?.parts?.[0]?.functionCall?.args).toEqual({ input: '*** Begin' });
    expect(contents[2]?.parts?.[0]?.functionResponse?.response).toEqual({ result: 'ok' });
    expect(declared).toEqual([
      {
        functionDeclarations: [
          {
            name: 'patch',
            description: 'Patches',
            parametersJsonSchema: {
              type: 'object',
              properties: { input: { type: 'string' } },
              required: ['input'],
            },
          },
        ],
      },
    ]);
  });

  test('pictures that the model made come back as its own', () => {
    const input = [user, { type: 'image_generation_call', id: 'ig_1', result: 'iVBORw0KGgo' }, user];
    expect(upstream({ input }).contents[1]).toEqual({
      role: 'model',
      parts: [{ inlineData: { mimeType: 'image/png', data: 'iVBORw0KGgo' } }],
    });
  });

  test('searches of earlier turns and thoughts without a carrier are left out', () => {
    const input = [user, { type: 'web_search_call', id: 'ws_1' }, { type: 'reasoning', id: 'rs_1', summary: [] }];
    expect(upstream({ input }).contents).toEqual([userTurn]);
  });
});

describe('signatures', () => {
  const signed = (input: unknown[], known?: Parameters<typeof upstream>[1], called = model) => {
    const { contents } = upstream({ model: called, input: [user, ...input] }, known);
    return contents[1]?.parts?.map(({ thoughtSignature }) => thoughtSignature);
  };

  test('of calls come back in the carrier, wherever it stands in the turn', () => {
    expect(signed([carrier({ c1: 'A' }), call('c1'), call('c2'), output('c1'), output('c2')])).toEqual([
      'A',
      undefined,
    ]);
    expect(signed([call('c1'), carrier({ c1: 'A' }), output('c1')])).toEqual(['A']);
  });

  test('are counted by where they come from', () => {
    const uses = [[carrier({ c1: 'A' })], []].map(
      (more) => translate({ input: [user, ...more, call('c1'), output('c1')] }, { signatures: {} }).signatureUse,
    );
    expect(uses).toEqual([
      { client: 1, restored: 0, placeholder: 0 },
      { client: 0, restored: 0, placeholder: 1 },
    ]);
  });

  test('of a text belong to the last text of the turn', () => {
    const said = (text: string) => ({ role: 'assistant', content: text });
    expect(signed([said('a'), carrier({}, 'T'), said('b'), user])).toEqual([undefined, 'T']);
    expect(signed([said('a'), said('b'), carrier({}, 'T'), user])).toEqual([undefined, 'T']);
    const empty = { role: 'assistant', content: [{ type: 'output_text', text: '' }] };
    expect(upstream({ input: [user, carrier({}, 'T'), empty, user] }).contents[1]).toEqual({
      role: 'model',
      parts: [{ text: '', thoughtSignature: 'T' }],
    });
  });

  test('that the client lost are restored from memory', () => {
    expect(signed([call('c1'), output('c1')], { signatures: { c1: 'M' } })).toEqual(['M']);
    const signatures = { [answerSignatureKey('a', [])]: 'T' };
    expect(signed([{ role: 'assistant', content: 'a' }, user], { signatures })).toEqual(['T']);
  });

  test('made by models of another kind are not used', () => {
    expect(signed([carrier({ c1: 'A' }, 'T', 'gemma-4-31b'), call('c1'), output('c1')])).toEqual([dummySignature]);
    expect(signed([carrier({ c1: 'A' }, 'T', 'gemini-2.5-flash'), call('c1'), output('c1')])).toEqual([dummySignature]);
    const own = carrier({ c1: 'A' }, undefined, 'gemma-4-31b');
    expect(signed([own, call('c1'), output('c1')], {}, 'gemma-4-31b')).toEqual(['A']);
    expect(signed([carrier({ c1: 'A' }), call('c1'), output('c1')], {}, 'gemma-4-31b')).toEqual([undefined]);
  });

  test.each(['gAAAAABforeign', 'gts1:???', 'gts1:', `gts1:${Buffer.from('{"c":1}').toString('base64url')}`, 7, null])(
    'in a carrier that is foreign or broken (%s) are passed over',
    (encrypted_content) => {
      const foreign = { type: 'reasoning', id: 'rs_1', summary: [], encrypted_content };
      expect(signed([foreign, call('c1'), output('c1')])).toEqual([dummySignature]);
    },
  );
});

describe('tools', () => {
  const schema = { type: 'object', properties: { path: { type: 'string' } } };
  const declared = (tools: unknown[], more = {}) => upstream({ tools, ...more }).tools;

  test('are flat; some clients nest them', () => {
    const flat = { type: 'function', name: 'f', description: 'F', parameters: schema, strict: null };
    const nested = { type: 'function', function: { name: 'g' } };
    expect(declared([flat, nested])).toEqual([
      { functionDeclarations: [{ name: 'f', description: 'F', parametersJsonSchema: schema }, { name: 'g' }] },
    ]);
  });

  test('of a namespace get one name each, and the model is told about the namespace', () => {
    const tools = [
      {
        type: 'namespace',
        name: 'mcp__fs',
        description: 'Files of the project.',
        tools: [
          { type: 'function', name: 'read', parameters: schema },
          { type: 'custom', name: 'write' },
        ],
      },
      { type: 'namespace', name: 'mcp__net__', description: '', tools: [{ type: 'function', name: 'get' }] },
      { type: 'function', name: 'mcp__fs__read' },
    ];
    const input = [
      user,
      { ...call('c1', 'read'), namespace: 'mcp__fs' },
      output('c1'),
      call('c2', 'mcp__fs__read'),
      output('c2'),
    ];
    const { contents, tools: all, systemInstruction } = upstream({ tools, input, instructions: 'I' });
    const names = ['mcp__fs__read', 'mcp__fs__write', 'mcp__net__get', 'mcp__fs__read_'];
    expect(all).toMatchObject([{ functionDeclarations: names.map((name) => ({ name })) }]);
    expect(contents[1]?.parts?.[0]?.functionCall?.name).toBe('mcp__fs__read');
    expect(contents[3]?.parts?.[0]?.functionCall?.name).toBe('mcp__fs__read_');
    expect(systemInstruction?.parts).toEqual([
      { text: 'I' },
      { text: 'About the functions whose names begin with mcp__fs: Files of the project.' },
    ]);
  });

  test('that an item adds are offered with the others, and replace what was declared before', () => {
    const added = (description: string) => ({
      type: 'additional_tools',
      role: 'developer',
      tools: [{ type: 'function', name: 'f', description }],
    });
    const { tools, contents } = upstream({
      input: [added('old'), user, added('new')],
      tools: [{ type: 'function', name: 'g' }],
    });
    expect(tools).toEqual([{ functionDeclarations: [{ name: 'g' }, { name: 'f', description: 'new' }] }]);
    expect(contents).toEqual([userTurn]);
  });

  test('for search and code are those of Gemini; the search gives way where a model cannot have it with functions', () => {
    const search = { type: 'web_search', external_web_access: true };
    expect(declared([search])).toEqual([{ googleSearch: {} }]);
    expect(declared([{ type: 'code_interpreter', container: { type: 'auto' } }])).toEqual([{ codeExecution: {} }]);
    const f = { type: 'function', name: 'f' };
    expect(declared([search, f])).toEqual([{ functionDeclarations: [{ name: 'f' }] }, { googleSearch: {} }].reverse());
    expect(declared([search, f], { model: 'gemini-2.5-flash' })).toEqual([{ functionDeclarations: [{ name: 'f' }] }]);
  });

  test('that are not known are left out and told', () => {
    const { calls, ignoredParams } = translate({
      tools: [{ type: 'function', name: 'f' }, { type: 'tool_search' }, { type: 'telepathy' }],
      client_metadata: {},
    });
    expect(calls[0]?.body).toMatchObject({ tools: [{ functionDeclarations: [{ name: 'f' }] }] });
    expect(ignoredParams).toEqual(['client_metadata', 'tools.tool_search', 'tools.telepathy']);
  });

  test.each(['file_search', 'mcp', 'computer_use_preview', 'local_shell', 'shell', 'apply_patch', 'image_generation'])(
    'of type %s are refused, with what to do instead',
    (type) => {
      expect(() => translate({ tools: [{ type: 'function', name: 'f' }, { type }] })).toThrow(
        expect.objectContaining({ status: 400, param: 'tools[1].type', code: 'unsupported_value' }),
      );
    },
  );

  test('that make pictures are for image models', () => {
    const { generationConfig } = upstream({
      model: 'gemini-3.1-flash-image',
      tools: [{ type: 'image_generation' }],
    });
    expect(generationConfig).toEqual({ responseModalities: ['TEXT', 'IMAGE'] });
  });

  test.each([
    ['auto', undefined],
    ['none', { mode: 'NONE' }],
    ['required', { mode: 'ANY' }],
    [
      { type: 'function', name: 'f' },
      { mode: 'ANY', allowedFunctionNames: ['f'] },
    ],
    [
      { type: 'function', name: 'get', namespace: 'n' },
      { mode: 'ANY', allowedFunctionNames: ['n__get'] },
    ],
    [{ type: 'web_search_preview' }, undefined],
    [{ type: 'allowed_tools', mode: 'auto', tools: [{ type: 'web_search' }] }, undefined],
    [
      {
        type: 'allowed_tools',
        mode: 'required',
        tools: [{ type: 'web_search' }, { type: 'function', name: 'get', namespace: 'n' }],
      },
      { mode: 'ANY', allowedFunctionNames: ['n__get'] },
    ],
  ])('are chosen by %j', (tool_choice, expected) => {
    const tools = [
      { type: 'function', name: 'f' },
      { type: 'namespace', name: 'n', description: 'N', tools: [{ type: 'function', name: 'get' }] },
    ];
    expect(upstream({ tools, tool_choice }).toolConfig?.functionCallingConfig).toEqual(expected);
  });
});

describe('settings', () => {
  test('are those of a chat under other names', () => {
    const body = {
      model: 'gemini-3.5-flash',
      max_output_tokens: 64,
      temperature: 0.5,
      top_p: 0.9,
      top_logprobs: 2,
      service_tier: 'flex',
      store: false,
      reasoning: { effort: 'low' },
      google: { safety_settings: [{ category: 'HARM_CATEGORY_HARASSMENT', threshold: 'OFF' }] },
    };
    expect(upstream(body)).toMatchObject({
      generationConfig: {
        maxOutputTokens: 64,
        temperature: 0.5,
        topP: 0.9,
        responseLogprobs: true,
        logprobs: 2,
        thinkingConfig: { thinkingLevel: 'LOW', includeThoughts: true },
      },
      serviceTier: 'flex',
      store: false,
      safetySettings: [{ category: 'HARM_CATEGORY_HARASSMENT', threshold: 'OFF' }],
    });
  });

  test('log probabilities are wanted by `include` too', () => {
    const { generationConfig } = upstream({ include: ['message.output_text.logprobs'] });
    expect(generationConfig).toEqual({ responseLogprobs: true });
  });

  test.each([
    [{ summary: 'auto' }, { includeThoughts: true }],
    [{ generate_summary: 'concise' }, { includeThoughts: true }],
    [{ effort: 'none', summary: null }, { thinkingLevel: 'LOW' }],
    [
      { effort: 'medium', summary: 'detailed' },
      { thinkingLevel: 'MEDIUM', includeThoughts: true },
    ],
    [{ effort: null }, undefined],
  ])('reasoning %j', (reasoning, expected) => {
    expect(upstream({ reasoning }).generationConfig?.thinkingConfig).toEqual(expected);
  });

  test('a summary is not asked of a model that does not think', () => {
    expect(upstream({ model: 'gemini-2.0-flash', reasoning: { summary: 'auto' } })).not.toHaveProperty(
      'generationConfig',
    );
  });

  test('the format of the text is flat', () => {
    const schema = { type: 'object', properties: { a: { type: 'string' } } };
    const format = { type: 'json_schema', name: 'n', schema, strict: true };
    expect(upstream({ text: { format, verbosity: 'low' } }).generationConfig).toEqual({
      responseMimeType: 'application/json',
      responseJsonSchema: schema,
    });
    expect(upstream({ text: { format: { type: 'json_object' } } }).generationConfig).toEqual({
      responseMimeType: 'application/json',
    });
    expect(upstream({ text: { format: { type: 'text' } } })).not.toHaveProperty('generationConfig');
  });

  test('what has no meaning here is passed over', () => {
    const body = {
      truncation: 'auto',
      max_tool_calls: 3,
      parallel_tool_calls: false,
      context_management: [{ type: 'compaction' }],
      stream_options: { include_obfuscation: false },
      user: 'u',
      metadata: { a: 'b' },
      prompt_cache_key: 'k',
      safety_identifier: 's',
      conversation: null,
      prompt: null,
      background: false,
    };
    expect(upstream(body)).toEqual({ contents: [{ role: 'user', parts: [{ text: 'Hello?' }] }] });
    expect(translate(body).ignoredParams).toEqual([]);
  });
});

describe('earlier responses', () => {
  const earlier: StoredResponse = {
    body: {
      id: 'resp_1',
      output: [
        { type: 'message', id: 'msg_1', role: 'assistant', content: [{ type: 'output_text', text: 'a' }] },
        { ...call('c1'), id: 'fc_1' },
      ],
    },
    input: [{ ...user, id: 'msg_0' }],
    bytes: 9,
  };
  const known = { responses: [earlier] };

  test('are continued with all that they answered', () => {
    const { contents } = upstream({ previous_response_id: 'resp_1', input: [output('c1')] }, known);
    expect(contents.map(({ role }) => role)).toEqual(['user', 'model', 'user']);
    expect(contents[1]?.parts).toMatchObject([{ text: 'a' }, { functionCall: { id: 'c1' } }]);
  });

  test('lend single items to a request', () => {
    const input = [user, { type: 'item_reference', id: 'msg_1' }, { id: 'fc_1' }, output('c1')];
    expect(upstream({ input }, known).contents[1]?.parts).toMatchObject([
      { text: 'a' },
      { functionCall: { id: 'c1' } },
    ]);
  });

  test('that are not known are an error', () => {
    expect(() => translate({ previous_response_id: 'resp_2' }, known)).toThrow(
      expect.objectContaining({ status: 400, code: 'previous_response_not_found', param: 'previous_response_id' }),
    );
    expect(() => translate({ input: [{ type: 'item_reference', id: 'msg_9' }] }, known)).toThrow(
      expect.objectContaining({ status: 400, code: 'item_not_found', param: 'input[0].id' }),
    );
  });
});

describe('a mistake is refused with the path of the field', () => {
  test.each([
    [{ input: undefined }, 'input', 'missing_required_parameter'],
    [{ input: 7 }, 'input', 'invalid_value'],
    [{ input: [] }, 'input', 'invalid_value'],
    [{ input: ['q'] }, 'input[0]', 'invalid_value'],
    [{ input: [{ content: 'q' }] }, 'input[0].type', 'invalid_value'],
    [{ input: [{ type: 'computer_call' }] }, 'input[0].type', 'unsupported_value'],
    [{ input: [{ type: 'mcp_call' }] }, 'input[0].type', 'unsupported_value'],
    [{ input: [{ role: 'robot', content: 'q' }] }, 'input[0].role', 'invalid_value'],
    [{ input: [{ role: 'user', content: 7 }] }, 'input[0].content', 'invalid_value'],
    [{ input: [{ role: 'user', content: ['q'] }] }, 'input[0].content[0]', 'invalid_value'],
    [{ input: [{ role: 'user', content: [{ type: 'x' }] }] }, 'input[0].content[0].type', 'unsupported_value'],
    [
      { input: [user, { role: 'user', content: [{ type: 'input_image', image_url: 'ftp://a' }] }] },
      'input[1].content[0].image_url',
      'invalid_image_url',
    ],
    [
      { input: [{ role: 'user', content: [{ type: 'input_image', file_id: 'file_1' }] }] },
      'input[0].content[0].file_id',
      'unsupported_value',
    ],
    [
      { input: [{ role: 'user', content: [{ type: 'input_file', file_id: 'file_1' }] }] },
      'input[0].content[0].file_id',
      'unsupported_value',
    ],
    [{ input: [{ type: 'function_call', name: 'f' }] }, 'input[0].call_id', 'invalid_value'],
    [{ input: [{ type: 'function_call', call_id: 'c1' }] }, 'input[0].name', 'invalid_value'],
    [{ input: [{ ...call('c1'), arguments: '{' }] }, 'input[0].arguments', 'invalid_value'],
    [{ input: [user, output('c9')] }, 'input[1].call_id', 'invalid_value'],
    [{ input: [user, call('c1'), { ...output('c1'), output: undefined }] }, 'input[2].output', 'invalid_value'],
    [{ input: [user, call('c1')] }, 'input', 'missing_tool_result'],
    [{ instructions: 7 }, 'instructions', 'invalid_value'],
    [{ max_output_tokens: 0 }, 'max_output_tokens', 'invalid_value'],
    [{ temperature: 3 }, 'temperature', 'invalid_value'],
    [{ top_logprobs: 21 }, 'top_logprobs', 'invalid_value'],
    [{ include: 'all' }, 'include', 'invalid_value'],
    [{ reasoning: 'high' }, 'reasoning', 'invalid_value'],
    [{ reasoning: { effort: 'huge' } }, 'reasoning.effort', 'invalid_value'],
    [{ reasoning: { summary: 'long' } }, 'reasoning.summary', 'invalid_value'],
    [{ text: { format: { type: 'yaml' } } }, 'text.format.type', 'invalid_value'],
    [{ text: { format: { type: 'json_schema', name: 'n' } } }, 'text.format.schema', 'invalid_value'],
    [{ service_tier: 'gold' }, 'service_tier', 'invalid_value'],
    [{ metadata: [] }, 'metadata', 'invalid_value'],
    [{ store: 'yes' }, 'store', 'invalid_value'],
    [{ user: 7 }, 'user', 'invalid_value'],
    [{ background: true }, 'background', 'unsupported_parameter'],
    [{ prompt: { id: 'p' } }, 'prompt', 'unsupported_parameter'],
    [{ conversation: 'conv_1' }, 'conversation', 'unsupported_parameter'],
    [{ tools: {} }, 'tools', 'invalid_value'],
    [{ tools: [{}] }, 'tools[0].type', 'invalid_value'],
    [{ tools: [{ type: 'function' }] }, 'tools[0].name', 'invalid_value'],
    [{ tools: [{ type: 'namespace', tools: [] }] }, 'tools[0].name', 'invalid_value'],
    [
      { tools: [{ type: 'namespace', name: 'n', tools: [{ type: 'mcp', name: 'f' }] }] },
      'tools[0].tools[0].type',
      'unsupported_value',
    ],
    [{ tool_choice: { type: 'function', name: 'f' } }, 'tool_choice', 'invalid_value'],
    [{ tool_choice: 7 }, 'tool_choice', 'invalid_value'],
  ])('%j', (body, param, code) => {
    expect(() => translate(body)).toThrow(expect.objectContaining({ status: 400, param, code }));
  });

  test('a model that is no name', () => {
    expect(() => translate({ model: 7 })).toThrow(expect.objectContaining({ status: 400, param: 'model' }));
  });
});

test('whatever a field holds, the request is answered or refused as a mistake', () => {
  const item = {
    type: 'message',
    role: 'user',
    content: [{ type: 'input_image', image_url: 'data:image/png;base64,AA' }],
  };
  const sound = {
    input: [
      item,
      carrier({ c1: 'A' }),
      call('c1'),
      { type: 'custom_tool_call', call_id: 'c2', name: 'p', input: 'x', namespace: 'n' },
      output('c1'),
      { type: 'custom_tool_call_output', call_id: 'c2', output: [{ type: 'input_text', text: 'x' }] },
      { type: 'image_generation_call', id: 'ig_1', result: 'iVBORw0KGgo' },
      { type: 'additional_tools', role: 'developer', tools: [{ type: 'function', name: 'g' }] },
      { type: 'item_reference', id: 'msg_1' },
      item,
    ],
    instructions: 'I',
    include: ['reasoning.encrypted_content'],
    reasoning: { effort: 'low', summary: 'auto' },
    text: { format: { type: 'json_schema', name: 'n', schema: { type: 'object' } } },
    tools: [
      { type: 'function', name: 'f', parameters: { type: 'object', properties: { a: { type: 'string' } } } },
      { type: 'namespace', name: 'n', description: 'N', tools: [{ type: 'custom', name: 'p' }] },
      { type: 'web_search' },
    ],
    tool_choice: { type: 'allowed_tools', mode: 'auto', tools: [{ type: 'function', name: 'f' }] },
    metadata: { a: 'b' },
    max_output_tokens: 64,
  };
  const known = { responses: [{ body: { id: 'resp_1', output: [{ ...item, id: 'msg_1' }] }, input: [], bytes: 1 }] };
  expect(upstream(sound, known).contents).not.toEqual([]);
  const places = placesOf(sound);
  fc.assert(
    fc.property(fc.constantFrom(...places), fc.jsonValue(), (place, value) => {
      const body = JSON.parse(JSON.stringify(sound));
      put(body, place, value);
      try {
        answerTo(body, known).body([{}], {});
      } catch (error) {
        expect(error).toBeInstanceOf(ApiError);
        expect((error as ApiError).status).toBeLessThan(500);
      }
    }),
    { numRuns: 2000, seed: 7 },
  );
});

/** The way to every value inside of a value. */
function placesOf(value: unknown): string[][] {
  if (typeof value !== 'object' || value === null) return [];
  return Object.entries(value).flatMap(([key, child]) => [[key], ...placesOf(child).map((rest) => [key, ...rest])]);
}

function put(target: Record<string, unknown>, [key = '', ...rest]: readonly string[], value: unknown): void {
  if (rest.length === 0) target[key] = value;
  else put(target[key] as Record<string, unknown>, rest, value);
}
