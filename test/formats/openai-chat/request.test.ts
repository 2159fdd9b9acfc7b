import { describe, expect, test } from 'vitest';
import { ApiError } from '../../../server/formats/api-error.ts';
import { openaiChat } from '../../../server/formats/openai-chat/openai-chat.ts';
import { answerSignatureKey } from '../../../server/formats/to-gemini/conversation.ts';
import { translationContext, upstreamBody } from '../../support/translation.ts';

const newest = 'gemini-3.8-flash';
const hello = [{ role: 'user', content: 'Hello?' }];

function translate(body: Record<string, unknown>, context = translationContext()) {
  return openaiChat.toGemini({ model: newest, messages: hello, ...body }, context);
}
const toGemini = (body: Record<string, unknown>, context = translationContext()) =>
  upstreamBody(translate(body, context));
const configOf = (body: Record<string, unknown>) => toGemini(body).generationConfig;

function refusalOf(body: Record<string, unknown>): { code: string; param: string | null; status: number } {
  try {
    translate(body);
  } catch (error) {
    if (error instanceof ApiError) return { code: error.code, param: error.param, status: error.status };
    throw error;
  }
  throw new Error('was not refused');
}

const call = (id: string, name = 'weather', more = {}) => ({
  id,
  type: 'function',
  function: { name, arguments: '{"city":"Paris"}' },
  ...more,
});
const result = (tool_call_id: string, content: unknown = 'sunny') => ({ role: 'tool', tool_call_id, content });
const weather = { type: 'function', function: { name: 'weather', parameters: { type: 'object' } } };

describe('turns', () => {
  test('system and developer messages are the system instruction, wherever they stand', () => {
    const messages = [
      { role: 'system', content: 'Be brief.' },
      { role: 'user', content: 'Hello?' },
      { role: 'developer', content: [{ type: 'text', text: 'Be kind.' }] },
    ];
    expect(toGemini({ messages })).toEqual({
      contents: [{ role: 'user', parts: [{ text: 'Hello?' }] }],
      systemInstruction: { parts: [{ text: 'Be brief.' }, { text: 'Be kind.' }] },
    });
  });

  test('a model without a system instruction gets it at the head of the first user turn', () => {
    const messages = [
      { role: 'system', content: 'A' },
      { role: 'system', content: 'B' },
      { role: 'user', content: 'C' },
    ];
    expect(toGemini({ model: 'gemma-3-27b-it', messages })).toEqual({
      contents: [{ role: 'user', parts: [{ text: 'A\n\nB\n\n' }, { text: 'C' }] }],
    });
  });

  test('a model without a system instruction gets it in a turn of its own where the user says nothing', () => {
    const messages = [
      { role: 'system', content: 'A' },
      { role: 'assistant', content: 'B' },
    ];
    expect(toGemini({ model: 'gemma-3-27b-it', messages }).contents).toEqual([
      { role: 'user', parts: [{ text: 'A\n\n' }] },
      { role: 'model', parts: [{ text: 'B' }] },
    ]);
  });

  test('turns of the same role are one, and nothing empty is sent', () => {
    const messages = [
      { role: 'user', content: 'A' },
      { role: 'user', content: '' },
      { role: 'user', content: [{ type: 'text', text: 'B' }] },
      { role: 'assistant', content: 'C' },
      { role: 'assistant', content: null },
      { role: 'assistant', content: 'D' },
      { role: 'user', content: 'E' },
    ];
    expect(toGemini({ messages }).contents).toEqual([
      { role: 'user', parts: [{ text: 'A' }, { text: 'B' }] },
      { role: 'model', parts: [{ text: 'C' }, { text: 'D' }] },
      { role: 'user', parts: [{ text: 'E' }] },
    ]);
  });

  test('a conversation that ends with the model is continued where models cannot be led on', () => {
    const messages = [...hello, { role: 'assistant', content: 'Once' }];
    expect(toGemini({ messages }).contents).toHaveLength(3);
    expect(toGemini({ model: 'gemini-3.5-flash', messages }).contents).toHaveLength(2);
    expect(toGemini({ model: 'gemini-2.5-flash', messages }).contents).toHaveLength(2);
  });

  test('only a system text is asked as the user', () => {
    expect(toGemini({ messages: [{ role: 'system', content: 'Hello?' }] })).toEqual({
      contents: [{ role: 'user', parts: [{ text: 'Hello?' }] }],
    });
    expect(refusalOf({ messages: [{ role: 'user', content: '' }] })).toMatchObject({ param: 'messages' });
  });
});

describe('tools', () => {
  const conversation = (calls: object[], results: object[]) => ({
    tools: [weather, { type: 'function', function: { name: '2nd' } }],
    messages: [...hello, { role: 'assistant', content: null, tool_calls: calls }, ...results],
  });

  test('results stand in the order of the calls, each with the name of its call', () => {
    const { contents } = toGemini(
      conversation([call('a'), call('b', '2nd')], [result('b', '[1]'), result('a', '{"t":20}')]),
    );
    expect(contents.slice(1)).toEqual([
      {
        role: 'model',
        parts: [
          {
            functionCall: { id: 'a', name: 'weather', args: { city: 'Paris' } },
            thoughtSignature: 'skip_thought_signature_validator',
          },
          { functionCall: { id: 'b', name: '_2nd', args: { city: 'Paris' } } },
        ],
      },
      {
        role: 'user',
        parts: [
          { functionResponse: { id: 'a', name: 'weather', response: { t: 20 } } },
          { functionResponse: { id: 'b', name: '_2nd', response: { result: [1] } } },
        ],
      },
    ]);
  });

  test('a result with a $ref stays a text, and one with a picture carries it', () => {
    const ref = '{"a":[{"$ref":"x"}]}';
    const picture = { type: 'image_url', image_url: { url: 'data:image/png;base64,iVBO' } };
    const inlineData = { mimeType: 'image/png', data: 'iVBO' };
    const body = conversation([call('a')], [result('a', [{ type: 'text', text: ref }, picture])]);
    expect(toGemini(body).contents.at(-1)?.parts).toEqual([
      { functionResponse: { id: 'a', name: 'weather', response: { result: ref }, parts: [{ inlineData }] } },
    ]);
    expect(toGemini({ ...body, model: 'gemini-2.5-flash' }).contents.slice(2)).toEqual([
      { role: 'user', parts: [{ functionResponse: { id: 'a', name: 'weather', response: { result: ref } } }] },
      { role: 'user', parts: [{ text: 'Media that weather returned:' }, { inlineData }] },
    ]);
  });

  test('a call without its result, and a result without its call, are refused', () => {
    expect(refusalOf(conversation([call('a'), call('b')], [result('a')]))).toEqual({
      status: 400,
      code: 'missing_tool_result',
      param: 'messages',
    });
    expect(refusalOf(conversation([call('a')], [result('x')]))).toMatchObject({ param: 'messages[2].tool_call_id' });
    const wrong = call('a', 'weather', { function: { name: 'weather', arguments: '{' } });
    expect(refusalOf(conversation([wrong], [result('a')]))).toMatchObject({
      param: 'messages[1].tool_calls[0].function.arguments',
    });
  });

  test.each([
    ['in extra_content', { extra_content: { google: { thought_signature: 'S' } } }],
    ['in extra_content of the other API', { extra_content: { vertex: { thought_signature: 'S' } } }],
    [
      'inside the function',
      { function: { name: 'weather', arguments: '', extra_content: { google: { thought_signature: 'S' } } } },
    ],
    ['beside the call', { thought_signature: 'S' }],
    ['in camel case', { thoughtSignature: 'S' }],
    ['in fields of the provider', { provider_specific_fields: { thought_signature: 'S' } }],
    ['in the id', { id: 'a__thought__S' }],
  ])('a signature comes back %s', (_where, more) => {
    const translated = translate(
      conversation([call('a', 'weather', more)], [result((more as { id?: string }).id ?? 'a')]),
    );
    expect(upstreamBody(translated).contents[1]?.parts?.[0]).toMatchObject({
      functionCall: { id: 'a' },
      thoughtSignature: 'S',
    });
    expect(translated.signatureUse).toEqual({ client: 1, restored: 0, placeholder: 0 });
  });

  test('a signature that the client dropped is restored, if a model of the same kind made it', () => {
    const remembered = (model: string) => translationContext({ a: { signature: 'R', model } });
    const body = conversation([call('a')], [result('a')]);
    const signatureBy = (maker: string, model = newest) => {
      const { contents } = toGemini({ ...body, model }, remembered(maker));
      return contents[1]?.parts?.[0]?.thoughtSignature;
    };
    const dummy = 'skip_thought_signature_validator';
    expect(signatureBy('gemini-3.5-flash')).toBe('R');
    expect(signatureBy('gemini-2.5-flash')).toBe(dummy);
    expect(signatureBy('gemma-4-31b-it')).toBe(dummy);
    expect(signatureBy('gemma-4-31b-it', 'gemma-4-26b-a4b-it')).toBe('R');
    expect(signatureBy(newest, 'gemma-4-31b-it')).toBeUndefined();
    expect(signatureBy(newest, 'gemini-2.5-flash')).toBeUndefined();
    expect(translate(body, remembered(newest)).signatureUse).toEqual({ client: 0, restored: 1, placeholder: 0 });
  });

  test('an empty text is sent back when it carries a signature, and only then', () => {
    const extra_content = { google: { thought_signature: 'S' } };
    const partsOf = (message: object, signatures = {}) => {
      const messages = [...hello, { role: 'assistant', ...message }, ...hello];
      return toGemini({ messages }, translationContext(signatures)).contents[1]?.parts;
    };
    const signed = { text: '', thoughtSignature: 'S' };
    expect(partsOf({ content: '', extra_content })).toEqual([signed]);
    const pieces = [
      { type: 'text', text: 'Hi.' },
      { type: 'text', text: '' },
    ];
    expect(partsOf({ content: pieces, extra_content })).toEqual([{ text: 'Hi.' }, signed]);
    expect(partsOf({ content: pieces })).toEqual([{ text: 'Hi.' }]);
    expect(partsOf({ content: '', refusal: 'No.', extra_content })).toEqual([{ text: 'No.', thoughtSignature: 'S' }]);
    // Without it the turn is empty, and the user's turns around it are one; what another empty answer had is not taken for it.
    const ofEmpty = { [answerSignatureKey('', [])]: { signature: 'E', model: newest } };
    expect(partsOf({ content: '' }, ofEmpty)).toBeUndefined();
    expect(partsOf({ content: null, extra_content })).toBeUndefined();
  });

  test('a signed empty text stands before the calls of its turn', () => {
    const more = { content: '', extra_content: { google: { thought_signature: 'S' } } };
    const messages = [...hello, { role: 'assistant', ...more, tool_calls: [call('a')] }, result('a')];
    expect(toGemini({ messages }).contents[1]?.parts).toMatchObject([
      { text: '', thoughtSignature: 'S' },
      { functionCall: { id: 'a' }, thoughtSignature: 'skip_thought_signature_validator' },
    ]);
  });

  test('the signature of a text is restored by the text', () => {
    const signatures = { [answerSignatureKey('Hi.', [])]: { signature: 'T', model: newest } };
    const messages = [...hello, { role: 'assistant', content: 'Hi.' }, ...hello];
    expect(toGemini({ messages }, translationContext(signatures)).contents[1]).toEqual({
      role: 'model',
      parts: [{ text: 'Hi.', thoughtSignature: 'T' }],
    });
  });

  test.each([
    ['auto', undefined],
    ['none', { mode: 'NONE' }],
    ['required', { mode: 'ANY' }],
    [
      { type: 'function', function: { name: 'weather' } },
      { mode: 'ANY', allowedFunctionNames: ['weather'] },
    ],
    [
      { type: 'allowed_tools', allowed_tools: { mode: 'auto', tools: [weather] } },
      { mode: 'VALIDATED', allowedFunctionNames: ['weather'] },
    ],
    [
      { type: 'allowed_tools', allowed_tools: { mode: 'required', tools: [weather] } },
      { mode: 'ANY', allowedFunctionNames: ['weather'] },
    ],
  ])('tool_choice %j is %j', (tool_choice, config) => {
    expect(toGemini({ tools: [weather], tool_choice }).toolConfig?.functionCallingConfig).toEqual(config);
  });

  test('built-in tools go along with functions where a model can have both', () => {
    const tools = [weather, { google_search: {} }];
    expect(toGemini({ tools })).toMatchObject({
      tools: [{ googleSearch: {} }, { functionDeclarations: [{ name: 'weather' }] }],
      toolConfig: { functionCallingConfig: { mode: 'VALIDATED' }, includeServerSideToolInvocations: true },
    });
    expect(refusalOf({ model: 'gemini-2.5-flash', tools })).toMatchObject({ param: 'tools' });
    const { tools: both } = toGemini({ model: 'gemini-2.5-flash', tools: [weather], web_search_options: {} });
    expect(both).toEqual([{ functionDeclarations: [{ name: 'weather' }] }]);
  });

  test.each([
    [{ tools: [{ type: 'magic' }] }, 'tools[0].type', 'unsupported_value'],
    [{ tools: [weather, weather] }, 'tools', 'invalid_value'],
    [{ tools: [{ type: 'function', function: {} }] }, 'tools[0].function.name', 'invalid_value'],
    [{ tool_choice: 'required' }, 'tool_choice', 'invalid_value'],
    [{ tools: [weather], tool_choice: { type: 'function', function: { name: 'x' } } }, 'tool_choice', 'invalid_value'],
    [{ tools: 5 }, 'tools', 'invalid_value'],
  ])('%j is refused, naming %s', (body, param, code) => {
    expect(refusalOf(body)).toEqual({ status: 400, param, code });
  });
});

test('two results of one old function belong to two calls, whose ids are the same in the next request', () => {
  const asks = { role: 'assistant', content: null, function_call: { name: 'weather', arguments: '{}' } };
  const answers = { role: 'function', name: 'weather', content: 'sunny' };
  const messages = [...hello, asks, answers, asks, answers];
  const idsOf = (list: object[]) => {
    const parts = toGemini({ messages: list }).contents.flatMap((content) => content.parts ?? []);
    return parts.flatMap(({ functionCall, functionResponse }) => functionCall?.id ?? functionResponse?.id ?? []);
  };
  const [first, ofFirst, second, ofSecond] = idsOf(messages);
  expect([ofFirst, ofSecond]).toEqual([first, second]);
  expect(second).not.toBe(first);
  expect(idsOf([...messages, ...hello])).toEqual(idsOf(messages));
});

describe("Gemini's own tools", () => {
  test.each([
    [{ google_maps: { enable_widget: true } }, { googleMaps: { enableWidget: true } }],
    [
      { file_search: { file_search_store_names: ['fileSearchStores/a_b'] } },
      { fileSearch: { fileSearchStoreNames: ['fileSearchStores/a_b'] } },
    ],
    [{ codeExecution: {} }, { codeExecution: {} }],
  ])('%j is in Google’s spelling', (tool, sent) => {
    expect(toGemini({ tools: [tool] }).tools).toEqual([sent]);
  });

  test('come from the extensions too, with all that holds for them beside functions', () => {
    const google = { tools: [{ google_search: {} }, { retrieval: { some_source: {} } }] };
    expect(toGemini({ tools: [weather], google })).toMatchObject({
      tools: [{ googleSearch: {} }, { functionDeclarations: [{ name: 'weather' }] }, { retrieval: { someSource: {} } }],
      toolConfig: { functionCallingConfig: { mode: 'VALIDATED' }, includeServerSideToolInvocations: true },
    });
    const old = { model: 'gemini-2.5-flash', tools: [weather], google: { tools: [{ google_search: {} }] } };
    expect(refusalOf(old)).toMatchObject({ status: 400, param: 'tools' });
  });
});

test.each([
  {},
  { type: 'object' },
  { properties: {} },
  { additionalProperties: false },
  { type: 'object', properties: {} },
])('a function with the parameters %j takes none', (parameters) => {
  const tools = [{ type: 'function', function: { name: 'f', parameters } }];
  expect(toGemini({ tools }).tools).toEqual([{ functionDeclarations: [{ name: 'f' }] }]);
});

test('a file that the client uploaded is meant by its id in any form, and by that alone', () => {
  const context = () => translationContext({}, { ownsFile: (name) => name === 'files/abc-1' });
  const fileUri = 'https://generativelanguage.googleapis.com/v1beta/files/abc-1';
  const ask = (file_id: unknown) =>
    translate({ messages: [{ role: 'user', content: [{ type: 'file', file: { file_id } }] }] }, context());
  for (const id of ['files/abc-1', 'abc-1', fileUri]) {
    const asked = ask(id);
    expect(upstreamBody(asked).contents).toEqual([{ role: 'user', parts: [{ fileData: { fileUri } }] }]);
    expect(asked.resources).toEqual(['files/abc-1']);
  }
  for (const id of ['files/abc', 'file-abc-1', '', 5, 'files/../abc-1', `${fileUri}/x?y`.replace('abc-1', 'abc')])
    expect(() => ask(id)).toThrow('file_id is not supported');
});

describe('settings', () => {
  test('of a stream are ignored for an answer that is not streamed', () => {
    const asked = translate({ stream: false, stream_options: { include_usage: true } });
    expect(asked).toMatchObject({ isStreaming: false, ignoredParams: [] });
    expect(asked.calls[0]?.body).toEqual(translate({}).calls[0]?.body);
  });

  test('what is there and empty among the extensions is left out', () => {
    const google = {
      thinking_config: { thinking_budget: null, include_thoughts: true },
      generation_config: { top_k: null, response_modalities: [], media_resolution: 'MEDIA_RESOLUTION_LOW' },
      safety_settings: [],
      tools: [],
    };
    expect(toGemini({ google })).toEqual({
      contents: [{ role: 'user', parts: [{ text: 'Hello?' }] }],
      generationConfig: { thinkingConfig: { includeThoughts: true }, mediaResolution: 'MEDIA_RESOLUTION_LOW' },
    });
  });

  test('top_k is left out for a model that does not take it', () => {
    const context = translationContext({}, { takesTopK: (model) => model !== 'gemini-2.5-flash' });
    const configFor = (model: string) => toGemini({ model, top_k: 5, top_p: 0.5 }, context).generationConfig;
    expect(configFor('gemini-2.5-flash')).toEqual({ topP: 0.5 });
    expect(configFor('gemini-2.5-pro')).toEqual({ topP: 0.5, topK: 5 });
  });

  test.each([
    [{ temperature: 0.5, top_p: 0.9, top_k: 5 }, undefined],
    [
      { model: 'gemini-3.5-flash', temperature: 0.5, top_p: 0.9, top_k: 5 },
      { temperature: 0.5, topP: 0.9, topK: 5 },
    ],
    [{ max_tokens: 5, max_completion_tokens: 9 }, { maxOutputTokens: 9 }],
    [{ stop: ['a', '', 'a', 'b'] }, { stopSequences: ['a', 'b'] }],
    [{ seed: 2 ** 31 + 5 }, { seed: 5 }],
    [{ seed: 2 ** 64 }, { seed: 0 }],
    [{ seed: -(2 ** 31) }, { seed: -(2 ** 31) }],
    [{ seed: -(2 ** 31) - 5 }, { seed: -5 }],
    [{ presence_penalty: 1, frequency_penalty: 1, logit_bias: {}, user: 'u', verbosity: 'low' }, undefined],
    [{ model: 'gemini-2.5-flash', n: 2 }, { candidateCount: 2 }],
    [
      { logprobs: true, top_logprobs: 3 },
      { responseLogprobs: true, logprobs: 3 },
    ],
    [{ response_format: { type: 'json_object' } }, { responseMimeType: 'application/json' }],
    [{ response_format: { type: 'text' } }, undefined],
    [{ model: 'gemini-3.1-flash-image', modalities: ['text', 'image'] }, { responseModalities: ['TEXT', 'IMAGE'] }],
  ])('%j becomes %j', (body, config) => {
    expect(configOf(body)).toEqual(config);
  });

  test('a JSON Schema is cleaned of what Gemini refuses, and asked for in words beside functions of an old model', () => {
    const schema = { type: 'object', properties: { a: { const: 'x' } }, required: ['a'], $schema: 's' };
    const response_format = { type: 'json_schema', json_schema: { name: 'n', schema } };
    expect(configOf({ response_format })).toEqual({
      responseMimeType: 'application/json',
      responseJsonSchema: { type: 'object', properties: { a: { type: 'string', enum: ['x'] } }, required: ['a'] },
    });
    const old = toGemini({ model: 'gemini-2.5-flash', tools: [weather], response_format });
    expect(old.generationConfig).toBeUndefined();
    expect(old.systemInstruction?.parts[0]?.text).toContain('output only JSON matching this JSON Schema');
  });

  test.each([
    ['none', 'gemini-2.5-flash', { thinkingBudget: 0 }],
    ['none', 'gemini-2.5-pro', { thinkingBudget: 128 }],
    ['minimal', 'gemini-2.5-flash-lite', { thinkingBudget: 512 }],
    ['high', 'gemini-2.5-flash', { thinkingBudget: 24_576, includeThoughts: true }],
    ['max', 'gemini-2.5-pro', { thinkingBudget: 32_768, includeThoughts: true }],
    ['minimal', 'gemini-3.6-flash', { thinkingLevel: 'MINIMAL' }],
    ['none', newest, { thinkingLevel: 'LOW' }],
    ['low', newest, { thinkingLevel: 'LOW', includeThoughts: true }],
    ['xhigh', 'gemini-4-hydrogen', { thinkingLevel: 'XHIGH', includeThoughts: true }],
    ['xhigh', 'gemini-4-argon', { thinkingLevel: 'HIGH', includeThoughts: true }],
    ['low', 'gemma-4-31b-it', { thinkingLevel: 'MINIMAL' }],
    ['medium', 'gemma-4-31b-it', { thinkingLevel: 'HIGH', includeThoughts: true }],
    ['high', 'gemini-2.0-flash', undefined],
    ['high', 'gemini-of-tomorrow', { thinkingLevel: 'HIGH', includeThoughts: true }],
  ])('effort %s of %s is %j', (reasoning_effort, model, thinkingConfig) => {
    expect(configOf({ model, reasoning_effort })?.thinkingConfig).toEqual(thinkingConfig);
  });

  test('a budget leaves room for the answer', () => {
    const config = configOf({ model: 'gemini-2.5-flash', reasoning_effort: 'high', max_tokens: 1000 });
    expect(config?.thinkingConfig?.thinkingBudget).toBe(800);
  });

  test.each([
    [{ temperature: 3 }, 'temperature', 'invalid_value'],
    [{ top_p: -1 }, 'top_p', 'invalid_value'],
    [{ max_tokens: 0 }, 'max_tokens', 'invalid_value'],
    [{ n: 2 }, 'n', 'unsupported_parameter'],
    [{ n: 20 }, 'n', 'unsupported_parameter'],
    [{ model: 'gemini-2.5-flash-image', n: 2 }, 'n', 'unsupported_parameter'],
    [{ model: 'gemini-2.5-flash', n: 9 }, 'n', 'invalid_value'],
    [{ modalities: ['text', 'smell'] }, 'modalities', 'invalid_value'],
    [{ stop: ['1', '2', '3', '4', '5', '6'] }, 'stop', 'invalid_value'],
    [{ top_logprobs: 2 }, 'top_logprobs', 'invalid_value'],
    [{ reasoning_effort: 'huge' }, 'reasoning_effort', 'invalid_value'],
    [{ service_tier: 'gold' }, 'service_tier', 'invalid_value'],
    [{ modalities: ['audio'] }, 'modalities', 'unsupported_parameter'],
    [{ modalities: ['image'] }, 'modalities', 'unsupported_parameter'],
    [{ response_format: { type: 'xml' } }, 'response_format.type', 'invalid_value'],
    [{ stream: 'yes' }, 'stream', 'invalid_value'],
    [
      { reasoning_effort: 'low', extra_body: { google: { thinking_config: { thinking_budget: 5 } } } },
      'reasoning_effort',
      'conflicting_parameters',
    ],
  ])('%j is refused, naming %s', (body, param, code) => {
    expect(refusalOf(body)).toEqual({ status: 400, param, code });
  });

  test('what has no effect is told, and what OpenAI knows is not', () => {
    expect(translate({ user: 'u', cache_control: {}, top_a: 1 }).ignoredParams).toEqual(['cache_control', 'top_a']);
  });

  test("Google's extensions are taken in either spelling", () => {
    const google = {
      cached_content: 'cachedContents/c1',
      safety_settings: [{ category: 'C', threshold: 'OFF', method: 'x' }],
      image_config: { aspect_ratio: '1:1' },
    };
    const translated = translate({ messages: [{ role: 'system', content: 'S' }, ...hello], extra_body: { google } });
    expect(upstreamBody(translated)).toEqual({
      contents: [{ role: 'user', parts: [{ text: 'Hello?' }] }],
      cachedContent: 'cachedContents/c1',
      safetySettings: [{ category: 'C', threshold: 'OFF' }],
      generationConfig: { imageConfig: { aspectRatio: '1:1' } },
    });
    expect(translated.resources).toEqual(['cachedContents/c1']);
  });

  test("Google's extensions keep the client's own JSON as it is, and nothing empty of them is sent", () => {
    const schema = { type: 'object', properties: { first_name: { type: 'string' } } };
    const google = {
      tools: [{ google_search: {} }, { function_declarations: [{ name: 'f', parameters_json_schema: schema }] }],
      tool_config: { function_calling_config: { allowed_function_names: ['get_it'] } },
      speech_config: { multi_speaker_voice_config: { speaker_voice_configs: [{ voice_config: {} }] } },
      generation_config: { response_json_schema: schema },
      safety_settings: [],
      image_config: {},
      thinking_config: {},
    };
    expect(toGemini({ google })).toEqual({
      contents: [{ role: 'user', parts: [{ text: 'Hello?' }] }],
      tools: [{ googleSearch: {} }, { functionDeclarations: [{ name: 'f', parametersJsonSchema: schema }] }],
      toolConfig: { functionCallingConfig: { allowedFunctionNames: ['get_it'] } },
      generationConfig: {
        speechConfig: { multiSpeakerVoiceConfig: { speakerVoiceConfigs: [{ voiceConfig: {} }] } },
        responseJsonSchema: schema,
      },
    });
    const thinking = { google: { thinking_config: { include_thoughts: true } } };
    expect(configOf({ ...thinking, model: 'gemini-2.0-flash' })).toBeUndefined();
    expect(configOf(thinking)).toEqual({ thinkingConfig: { includeThoughts: true } });
  });

  test('pictures of a model that makes them are signed, by the placeholder where nothing better is known', () => {
    const images = [{ type: 'image_url', image_url: { url: 'data:image/png;base64,AAAA' } }];
    const messages = [...hello, { role: 'assistant', content: 'Here.', images }, ...hello];
    const inlineData = { mimeType: 'image/png', data: 'AAAA' };
    const partsFor = (model: string) => toGemini({ model, messages }).contents[1]?.parts;
    expect(partsFor('gemini-3.1-flash-image')).toEqual([
      { text: 'Here.' },
      { inlineData, thoughtSignature: 'skip_thought_signature_validator' },
    ]);
    expect(partsFor(newest)).toEqual([{ text: 'Here.' }, { inlineData }]);
    expect(partsFor('gemini-2.5-flash-image')).toEqual([{ text: 'Here.' }, { inlineData }]);
  });
});

describe('media', () => {
  const partOf = (part: object) => toGemini({ messages: [{ role: 'user', content: [part] }] }).contents[0]?.parts?.[0];
  const image = (url: string) => ({ type: 'image_url', image_url: { url } });

  test.each([
    [image('data:image/png;base64,AA AA'), { inlineData: { mimeType: 'image/png', data: 'AAAA' } }],
    [image('data:image/jpg;charset=x;base64,AAAA'), { inlineData: { mimeType: 'image/jpeg', data: 'AAAA' } }],
    [image('data:;base64,iVBORw0KGgo='), { inlineData: { mimeType: 'image/png', data: 'iVBORw0KGgo=' } }],
    [image('data:text/plain,a%20b'), { inlineData: { mimeType: 'text/plain', data: 'YSBi' } }],
    [image('https://youtu.be/x'), { fileData: { fileUri: 'https://youtu.be/x' } }],
    [image('https://youtube.com/watch?v=x'), { fileData: { fileUri: 'https://youtube.com/watch?v=x' } }],
    [
      { type: 'input_audio', input_audio: { data: 'AAAA', format: 'wav' } },
      { inlineData: { mimeType: 'audio/wav', data: 'AAAA' } },
    ],
    [
      { type: 'file', file: { file_data: 'AAAA', filename: 'a.PDF' } },
      { inlineData: { mimeType: 'application/pdf', data: 'AAAA' } },
    ],
  ])('%j is %j', (part, expected) => {
    expect(partOf(part)).toEqual(expected);
  });

  test('an address is to be fetched, and put where it stood', () => {
    const content = [{ type: 'text', text: 'What is it?' }, image('https://pictures.example/a.png')];
    const translated = translate({ messages: [{ role: 'user', content }] });
    const { downloads } = translated;
    expect(downloads).toEqual([
      { url: 'https://pictures.example/a.png', param: 'messages[0].content[1].image_url.url', part: {} },
    ]);
    expect(upstreamBody(translated).contents[0]?.parts?.[1]).toBe(downloads[0]?.part);
  });

  test.each([
    [image('ftp://x'), 'messages[0].content[0].image_url.url', 'invalid_image_url'],
    [image('data:image/png'), 'messages[0].content[0].image_url.url', 'invalid_image_url'],
    [{ type: 'file', file: { file_id: 'f' } }, 'messages[0].content[0].file.file_id', 'unsupported_value'],
    [
      { type: 'input_audio', input_audio: { data: 'A', format: 'xyz' } },
      'messages[0].content[0].input_audio.format',
      'invalid_value',
    ],
    [{ type: 'hologram' }, 'messages[0].content[0].type', 'unsupported_value'],
  ])('%j is refused, naming %s', (part, param, code) => {
    expect(refusalOf({ messages: [{ role: 'user', content: [part] }] })).toEqual({ status: 400, param, code });
  });
});

test.each(['../x', 'a/b', 'a?b', 'a#b', 'a%2fb', ' ', 'a:b', 'x'.repeat(200)])('%s is the id of no model', (model) => {
  expect(refusalOf({ model })).toEqual({ status: 404, code: 'model_not_found', param: 'model' });
});
