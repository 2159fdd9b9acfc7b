import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { createGeminiClient, type GeminiClient, type GeminiEnd } from '../../server/gemini/gemini-client.ts';
import type { GenerateContentRequest, GenerateContentResponse } from '../../server/gemini/types.ts';
import * as answers from '../support/gemini-answers.ts';
import { exhausted, invalidKey, overloaded } from '../support/gemini-failures.ts';
import { type SimulatedGemini, startSimulatedGemini } from '../support/gemini-simulator.ts';
import { embedText } from '../support/simulated-embedding.ts';

/** The simulator is judged by the gateway's own client: what it says must come through as what it means. */
describe('simulated Gemini', () => {
  let simulated: SimulatedGemini;
  let gemini: GeminiClient;
  beforeAll(async () => {
    simulated = await startSimulatedGemini();
    gemini = createGeminiClient({ baseUrl: simulated.url, httpsProxy: null, noProxy: null });
  });
  beforeEach(() => simulated.reset());
  afterAll(async () => {
    await gemini.close();
    await simulated.close();
  });

  const hello: GenerateContentRequest = { contents: [{ role: 'user', parts: [{ text: 'Hello!' }] }] };
  const keyNames = ['AQ.first', 'AQ.second'] as const;

  /** One call; chunks are told as they come. */
  async function ask(request: unknown, how: { model?: string; key?: string; isStreaming?: boolean } = {}) {
    const { model = 'gemini-3.8-flash', key = keyNames[0], isStreaming = false } = how;
    const chunks: GenerateContentResponse[] = [];
    const end = await gemini.call({
      model,
      action: isStreaming ? 'streamGenerateContent' : 'generateContent',
      body: JSON.stringify(request),
      key: { apiKey: key },
      onChunk: (chunk) => chunks.push(chunk),
      onRead: () => true,
      onStart: () => {},
    });
    return { end, chunks };
  }
  const errorOf = (end: GeminiEnd) =>
    end.kind === 'error' ? `${end.status} ${JSON.parse(end.text).error.message}` : end;

  it('answers whole and in frames with the same words and the same final usage', async () => {
    simulated.script({ answer: answers.thinking('Let me see.', 'Hello to you too') });
    const { end } = await ask(hello);
    const { chunks } = await ask(hello, { isStreaming: true });
    const words = chunks.flatMap((chunk) => chunk.candidates?.[0]?.content?.parts ?? []);
    expect(words.map((part) => part.text)).toEqual(['Let me see.', 'Hello ', 'to you', ' too', '']);
    expect(words.at(-1)?.thoughtSignature).toBeTruthy();
    expect(chunks.map((chunk) => chunk.candidates?.[0]?.finishReason)).toEqual([...Array(4), 'STOP']);
    expect(chunks.at(-1)?.usageMetadata).toEqual(end.kind === 'answered' && end.responses?.[0]?.usageMetadata);
    expect(chunks.at(-1)?.usageMetadata).toMatchObject({ promptTokenCount: 2, thoughtsTokenCount: 3 });
    expect(simulated.calls.at(-1)).toMatchObject({ n: 2, status: 200, key: 'AQ.first', model: 'gemini-3.8-flash' });
  });

  it('follows the script by key and model, lists in order and functions by the call', async () => {
    simulated.script({ key: 'AQ.second', calls: 'all', answer: invalidKey() });
    simulated.script({ model: 'gemini-2.5-flash', answer: [exhausted({ per: 'day' }), overloaded()] });
    simulated.script({ answer: ({ n }) => (n === 3 ? answers.blockedPrompt() : null) });
    expect(errorOf((await ask(hello, { model: 'gemini-2.5-flash' })).end)).toMatch(/^429 You exceeded your current/);
    expect(errorOf((await ask(hello, { key: 'AQ.second' })).end)).toMatch(/^400 API key not valid/);
    expect((await ask(hello)).end).toMatchObject({ responses: [{ promptFeedback: { blockReason: 'SAFETY' } }] });
    expect(errorOf((await ask(hello, { model: 'gemini-2.5-flash' })).end)).toMatch(/^503 /);
    expect((await ask(hello, { model: 'gemini-2.5-flash' })).end).toMatchObject({ kind: 'answered' });
    expect(await gemini.listModels({ apiKey: 'AQ.second' })).toMatchObject({ kind: 'error', status: 400 });
  });

  it('lists its models in pages', async () => {
    const first = await fetch(`${simulated.url}/v1beta/models?pageSize=10`, {
      headers: { 'x-goog-api-key': 'AQ.first' },
    });
    const { models, nextPageToken } = (await first.json()) as { models: unknown[]; nextPageToken: string };
    expect([models.length, nextPageToken]).toEqual([10, '10']);
    const all = await gemini.listModels({ apiKey: 'AQ.first' });
    expect(all.kind === 'listed' && all.models.map((card) => card.name)).toContain('models/gemini-3.8-flash');
  });

  const call = { functionCall: { name: 'now', args: {} } };
  const called = (first: object) => ({
    contents: [
      ...hello.contents,
      { role: 'model', parts: [{ ...call, ...first }] },
      { role: 'user', parts: [{ functionResponse: { name: 'now', response: {} } }] },
    ],
  });

  it.each([
    ['an unknown field', 'gemini-2.5-flash', { ...hello, n: 2 }, /Unknown name "n": Cannot find field/],
    ['no contents', 'gemini-2.5-flash', {}, /contents is not specified/],
    ['a call without signature', 'gemini-3.8-flash', called({}), /missing a thought_signature.*`default_api:now`/],
    ['a foreign signature', 'gemini-3.8-flash', called({ thoughtSignature: 'AAAA' }), /invalid thought signature/],
    ['no response to a call', 'gemini-2.5-flash', { contents: called({}).contents.slice(0, 2) }, /number of function/],
    [
      'a model turn at the end',
      'gemini-3.6-flash',
      { contents: [{ role: 'model', parts: [{ text: 'So' }] }] },
      /model turn/,
    ],
    [
      'a thinking level on 2.5',
      'gemini-2.5-pro',
      { ...hello, generationConfig: { thinkingConfig: { thinkingLevel: 'low' } } },
      /level is not supported/,
    ],
  ])('answers 400 for %s', async (_, model, request, message) => {
    simulated.script({ answer: [answers.text('not used up')] });
    expect(errorOf((await ask(request, { model })).end)).toMatch(message);
    expect((await ask(hello, { model })).end).toMatchObject({ kind: 'answered' });
  });

  it.each(['gemini-3.8-flash', 'gemini-2.5-flash'])('accepts its own calls back on %s', async (model) => {
    simulated.script({ answer: [answers.toolCall('now')] });
    const { end } = await ask(hello, { model });
    const part = end.kind === 'answered' ? end.responses?.[0]?.candidates?.[0]?.content?.parts?.[0] : undefined;
    expect((await ask(called(part ?? {}), { model })).end).toMatchObject({ kind: 'answered' });
  });

  it('accepts the placeholder for a signature', async () => {
    const request = called({ thoughtSignature: 'skip_thought_signature_validator' });
    expect((await ask(request)).end).toMatchObject({ kind: 'answered' });
  });

  const post = async (action: string, body: unknown, model = 'gemini-embedding-001') => {
    const response = await fetch(`${simulated.url}/v1beta/models/${model}:${action}`, {
      method: 'POST',
      headers: { 'x-goog-api-key': 'AQ.first' },
      body: JSON.stringify(body),
    });
    // biome-ignore lint/suspicious/noExplicitAny: the answer's shape is the action's.
    return { status: response.status, answer: (await response.json()) as any };
  };
  const embedRequest = (text: string, model = 'gemini-embedding-001') => ({
    model: `models/${model}`,
    content: { parts: [{ text }] },
    outputDimensionality: 3,
  });

  it('embeds one by one and in batches, in order and in the length asked for', async () => {
    const one = await post('embedContent', embedRequest('a'));
    expect(one.answer).toEqual({ embedding: { values: embedText('gemini-embedding-001', 'a', 3) } });
    const batch = await post('batchEmbedContents', { requests: [embedRequest('b'), embedRequest('a')] });
    expect(batch.answer.embeddings[1]).toEqual(one.answer.embedding);
    expect(batch.answer.embeddings[0]).not.toEqual(one.answer.embedding);
    const newer = await post('embedContent', embedRequest('a', 'gemini-embedding-2'), 'gemini-embedding-2');
    expect(Math.hypot(...newer.answer.embedding.values)).toBeCloseTo(1);
    expect(newer.answer.usageMetadata.promptTokenCount).toBe(1);
  });

  it.each([
    ['over a hundred texts', 'batchEmbedContents', { requests: Array(101).fill(embedRequest('a')) }, /at most 100/],
    [
      'a batch without models',
      'batchEmbedContents',
      { requests: [{ content: embedRequest('a').content }] },
      /model name/,
    ],
    ['too many dimensions', 'embedContent', { ...embedRequest('a'), outputDimensionality: 4000 }, /\[1, 3072\]/],
    ['no text', 'embedContent', { ...embedRequest('a'), content: {} }, /content is empty/],
    ['an unknown field', 'embedContent', { ...embedRequest('a'), input: 'a' }, /Unknown name "input"/],
    ['a count of two things', 'countTokens', { ...hello, generateContentRequest: hello }, /both/],
    ['a count without its model', 'countTokens', { generateContentRequest: hello }, /model name/],
    ['a count with an unknown field', 'countTokens', { ...hello, tools: [] }, /Unknown name "tools"/],
  ])('answers 400 for %s', async (_, action, body, message) => {
    const { status, answer } = await post(action, body);
    expect([status, answer.error.message]).toEqual([400, expect.stringMatching(message)]);
  });

  it('counts contents, and a whole request with its instruction and its tools', async () => {
    const model = 'gemini-3.8-flash';
    const contents = await post('countTokens', hello, model);
    expect(contents.answer).toEqual({ totalTokens: 2, promptTokensDetails: [{ modality: 'TEXT', tokenCount: 2 }] });
    const whole = { ...hello, model: `models/${model}`, systemInstruction: { parts: [{ text: 'Be kind!' }] } };
    expect((await post('countTokens', { generateContentRequest: whole }, model)).answer.totalTokens).toBe(4);
    const withTools = { ...whole, tools: [{ functionDeclarations: [{ name: 'now' }] }] };
    expect((await post('countTokens', { generateContentRequest: withTools }, model)).answer.totalTokens).toBe(15);
  });

  it('generates with models for it only, and embeds likewise', async () => {
    expect(errorOf((await ask(hello, { model: 'gemini-embedding-2' })).end)).toMatch(/^404 .*for generateContent/);
    const wrong = await post('embedContent', embedRequest('a', 'gemini-3.8-flash'), 'gemini-3.8-flash');
    expect(wrong.answer.error.message).toMatch(/not supported for embedContent/);
    simulated.script({ calls: 'embedding', answer: [exhausted()] });
    expect((await post('embedContent', embedRequest('a'))).status).toBe(429);
  });

  it('lets frames pass one by one, and sees the caller hang up', async () => {
    const gate = answers.createGate();
    simulated.script({ answer: gate.hold(answers.text('one two three')) });
    const seen: GenerateContentResponse[] = [];
    let abort = () => {};
    const ended = gemini.call({
      model: 'gemini-2.5-flash',
      action: 'streamGenerateContent',
      body: JSON.stringify(hello),
      key: { apiKey: 'AQ.first' },
      onChunk: (chunk) => seen.push(chunk),
      onRead: () => true,
      onStart: (abortCall) => {
        abort = abortCall;
      },
    });
    gate.pass();
    await expect.poll(() => seen).toHaveLength(1);
    gate.pass();
    await expect.poll(() => seen).toHaveLength(2);
    abort();
    expect(await ended).toEqual({ kind: 'aborted' });
    await simulated.calls[0]?.ended;
    expect(simulated.calls[0]?.abortedAt).toBeTypeOf('number');
  });

  it('breaks in every way there is', async () => {
    const whole = answers.text('one two three');
    const end = async (answer: answers.GeminiAnswer) => {
      simulated.reset();
      simulated.script({ answer });
      const { end, chunks } = await ask(hello, { isStreaming: true });
      expect(simulated.calls[0]?.abortedAt).toBeNull();
      return [chunks.length, end.kind === 'error' ? end.status : end.kind];
    };
    expect(await end(answers.reset())).toEqual([0, 'broken']);
    expect(await end(answers.cutAfter(2, whole))).toEqual([2, 'broken']);
    expect(await end(answers.cutAfter(2, whole, 'close'))).toEqual([2, 'answered']);
    expect(await end(answers.errorAfter(1, whole, overloaded()))).toEqual([1, 503]);
    expect(await end(answers.errorAfter(1, whole, overloaded(), true))).toEqual([1, 503]);
    expect(await end(answers.rawStream('data: {"candi'))).toEqual([0, 'broken']);
    expect(await end(answers.errorPage())).toEqual([0, 502]);
  });
});
