import { describe, expect, test } from 'vitest';
import { toModelInfo, toModelInfoPage } from '../../server/formats/anthropic/models.ts';
import { toCard, toCardPage } from '../../server/formats/gemini/models.ts';
import type { ListedModel } from '../../server/formats/listed-model.ts';
import { toModel } from '../../server/formats/openai-chat/models.ts';

const flash: ListedModel = {
  id: 'gemini-3.8-flash',
  target: 'gemini-3.8-flash',
  name: 'Gemini 3.8 Flash',
  created: 1_788_307_200,
  capabilities: new Set(['chat', 'vision', 'audioInput', 'tools', 'thinking', 'json']),
  prices: { input: 0.75, cachedInput: 0.075, output: 3.75 },
  card: {
    name: 'models/gemini-3.8-flash',
    displayName: 'Gemini 3.8 Flash',
    description: 'Fast.',
    inputTokenLimit: 1_048_576,
    outputTokenLimit: 65_536,
    supportedGenerationMethods: ['generateContent'],
  },
};
const bare: ListedModel = {
  id: 'x',
  target: 'x',
  name: 'x',
  created: 1,
  capabilities: new Set(),
  prices: null,
  card: { name: 'models/x' },
};
const alias: ListedModel = { ...flash, id: 'claude-x', name: 'claude-x (Gemini 3.8 Flash)' };
const capable = (
  ...capabilities: Parameters<Set<ListedModel['capabilities'] extends ReadonlySet<infer C> ? C : never>['add']>[0][]
) => ({
  ...bare,
  capabilities: new Set(capabilities),
});

describe("OpenAI's model", () => {
  test('has the fields that clients look for beside', () => {
    expect(toModel(flash)).toEqual({
      id: 'gemini-3.8-flash',
      object: 'model',
      created: 1_788_307_200,
      owned_by: 'google',
      name: 'Gemini 3.8 Flash',
      description: 'Fast.',
      context_length: 1_048_576,
      max_output_tokens: 65_536,
      capabilities: {
        chat: true,
        vision: true,
        audio_input: true,
        function_calling: true,
        reasoning: true,
        json_output: true,
        embeddings: false,
        image_output: false,
        speech: false,
      },
      architecture: {
        modality: 'text+image+audio->text',
        input_modalities: ['text', 'image', 'audio'],
        output_modalities: ['text'],
      },
      pricing: { prompt: '0.00000075', completion: '0.00000375', input_cache_read: '0.000000075' },
    });
  });

  test('leaves out what is not known instead of telling null', () => {
    expect(Object.keys(toModel(bare))).toEqual([
      'id',
      'object',
      'created',
      'owned_by',
      'name',
      'capabilities',
      'architecture',
    ]);
    expect(JSON.stringify(toModel(bare))).not.toContain('null');
  });

  test('tells prices per token in full, also free and large ones', () => {
    const pricing = (prices: ListedModel['prices']) => toModel({ ...flash, prices }).pricing;
    expect(pricing({ input: 0, cachedInput: null, output: 0 })).toEqual({ prompt: '0', completion: '0' });
    expect(pricing({ input: 10_000_000, cachedInput: null, output: 0.0001, imageOutput: 120 })).toEqual({
      prompt: '10',
      completion: '0.0000000001',
      image_output: '0.00012',
    });
  });

  test.each([
    [capable('embeddings'), 'text->embeddings'],
    [capable('speech'), 'text->audio'],
    [capable('chat', 'vision', 'imageOutput'), 'text+image->text+image'],
    [capable('audioInput'), 'text+audio->text'],
  ])('says what goes in and what comes out', (model, modality) => {
    expect(toModel(model).architecture.modality).toBe(modality);
  });

  test('of embeddings has no output limit', () => {
    expect(toModel({ ...flash, capabilities: new Set(['embeddings']) })).not.toHaveProperty('max_output_tokens');
  });
});

describe("Anthropic's model", () => {
  test('has every field of its type', () => {
    const yes = { supported: true };
    const no = { supported: false };
    expect(toModelInfo(alias)).toEqual({
      type: 'model',
      id: 'claude-x',
      display_name: 'claude-x (Gemini 3.8 Flash)',
      created_at: '2026-09-02T00:00:00Z',
      max_input_tokens: 1_048_576,
      max_tokens: 65_536,
      lifecycle: 'active',
      line: null,
      deprecated_at: null,
      retires_at: null,
      capabilities: {
        batch: no,
        citations: no,
        code_execution: no,
        context_management: {
          supported: false,
          clear_thinking_20251015: null,
          clear_tool_uses_20250919: null,
          compact_20260112: null,
        },
        effort: { supported: true, low: yes, medium: yes, high: yes, xhigh: yes, max: yes },
        image_input: yes,
        pdf_input: yes,
        server_tools: { supported: true, code_execution: no, web_search: yes },
        structured_outputs: yes,
        thinking: { supported: true, types: { adaptive: yes, between_tools: no, disabled: yes, enabled: yes } },
      },
    });
    expect(toModelInfo(bare)).toMatchObject({ created_at: '1970-01-01T00:00:01Z', max_input_tokens: null });
  });

  const models = ['a', 'b', 'c', 'd', 'e'].map((id) => ({ ...bare, id }));
  test.each([
    [{}, 'abcde', false],
    [{ limit: '2' }, 'ab', true],
    [{ limit: '2', after_id: 'b' }, 'cd', true],
    [{ limit: '2', after_id: 'd' }, 'e', false],
    [{ after_id: 'e' }, '', false],
    [{ limit: '2', before_id: 'e' }, 'cd', true],
    [{ limit: '2', before_id: 'c' }, 'ab', false],
    [{ limit: '1000', after_id: 'a', before_id: 'd' }, 'bc', false],
  ])('comes in pages: %j', (query, ids, hasMore) => {
    const page = toModelInfoPage(models, query);
    expect(page.data.map(({ id }) => id).join('')).toBe(ids);
    expect(page).toMatchObject({ has_more: hasMore, first_id: ids[0] ?? null, last_id: ids.at(-1) ?? null });
  });

  test.each([
    [{ limit: '0' }, 'limit'],
    [{ limit: 'x' }, 'limit'],
    [{ limit: '1001' }, 'limit'],
    [{ limit: '' }, 'limit'],
    [{ after_id: 'z' }, 'after_id'],
    [{ before_id: '' }, 'before_id'],
  ])('is not paged by what is not right: %j', (query, param) => {
    expect(() => toModelInfoPage(models, query)).toThrow(expect.objectContaining({ status: 400, param }));
  });
});

describe("Gemini's model", () => {
  test('is what Google says, with the name that clients use', () => {
    expect(toCard(flash)).toEqual(flash.card);
    expect(toCard(alias)).toEqual({
      ...flash.card,
      name: 'models/claude-x',
      baseModelId: 'gemini-3.8-flash',
      displayName: 'claude-x (Gemini 3.8 Flash)',
    });
  });

  const models = Array.from({ length: 60 }, (_unused, index) => ({ ...bare, id: `m/${index}` }));
  const names = (page: ReturnType<typeof toCardPage>) => page.models.map(({ name }) => name);

  test('comes in pages of fifty, unless another size is asked for', () => {
    const first = toCardPage(models, {});
    expect(first.models).toHaveLength(50);
    const second = toCardPage(models, { pageToken: first.nextPageToken });
    expect(names(second)[0]).toBe('models/m/50');
    expect(second).not.toHaveProperty('nextPageToken');
    expect(toCardPage(models, { pageSize: '5000' }).models).toHaveLength(60);
    expect(toCardPage(models, { pageSize: '60' })).not.toHaveProperty('nextPageToken');
    expect(toCardPage([], { pageSize: '0' })).toEqual({ models: [] });
  });

  test.each([
    [{ pageSize: '-1' }, 'pageSize'],
    [{ pageSize: 'x' }, 'pageSize'],
    [{ pageToken: 'x' }, 'pageToken'],
  ])('is not paged by what is not right: %j', (query, param) => {
    expect(() => toCardPage(models, query)).toThrow(expect.objectContaining({ status: 400, param }));
  });
});
