import { describe, expect, test } from 'vitest';
import { knownModels } from '../../server/models/known-models.ts';
import { createModelCatalog } from '../../server/models/model-catalog.ts';
import { isModelId } from '../../server/models/model-id.ts';
import { type ModelsFile, noModelsFile } from '../../server/models/models-file.ts';
import { createPool } from '../../server/pool/pool.ts';
import { listPrices } from '../../server/pricing/list-prices.ts';

const nowMs = Date.parse('2026-11-23T12:00:00Z');

/** A catalogue over what Google lists; null: Google never answers well. */
function open(models: unknown[] | null, file: Partial<ModelsFile> = {}) {
  const now = () => nowMs;
  const pool = createPool({ now, random: () => 0, delay: async () => {} });
  pool.add({ id: 'a', apiKey: 'a', maskedKey: 'a', isEnabled: true, rejection: null });
  const listModels = async () =>
    models ? { kind: 'listed' as const, models: models as never } : { kind: 'broken' as const, message: 'down' };
  return createModelCatalog({
    file: { ...noModelsFile, ...file },
    pool,
    gemini: { listModels },
    prices: { find: (model) => listPrices.find((price) => price.model === model) ?? null },
    now,
    delay: async () => {},
  });
}

const card = (id: string, more = {}) => ({
  name: `models/${id}`,
  supportedGenerationMethods: ['generateContent'],
  ...more,
});

async function listedIds(catalog: ReturnType<typeof open>): Promise<string[]> {
  return (await catalog.list()).map(({ id }) => id);
}

describe('the list of models', () => {
  test('is the built-in one while Google has never told one', async () => {
    expect(await listedIds(open(null))).toEqual(knownModels.map(({ id }) => id));
  });

  test('is what Google lists, known models first and in their order', async () => {
    const ids = ['gemini-9-zeta', 'gemini-2.5-pro', 'gemini-9-alpha', 'gemini-4-argon'];
    const catalog = open(ids.map((id) => card(id)));
    expect(await listedIds(catalog)).toEqual(['gemini-4-argon', 'gemini-2.5-pro', 'gemini-9-alpha', 'gemini-9-zeta']);
  });

  test('leaves out what no endpoint here can use', async () => {
    const models = [
      card('gemini-3.8-flash'),
      card('gemini-embedding-2', { supportedGenerationMethods: ['embedContent'] }),
      { name: 'models/gemini-8-unlabelled' },
      card('gemini-3.8-flash-native-audio', { supportedGenerationMethods: ['bidiGenerateContent'] }),
      card('gemini-3.8-flash-live-001'),
      card('gemini-robotics-2'),
      card('gemini-3-computer-use-preview'),
      card('veo-4', { supportedGenerationMethods: ['predictLongRunning'] }),
      card('aqa', { supportedGenerationMethods: ['generateAnswer'] }),
      'nonsense',
    ];
    expect(await listedIds(open(models))).toEqual(['gemini-3.8-flash', 'gemini-embedding-2', 'gemini-8-unlabelled']);
  });

  test('has the aliases that are names, with the data of their target, and hides what it is told to', async () => {
    const aliases = {
      'gpt-4o': 'gemini-3.8-flash',
      'claude-*': 'gemini-3.8-flash',
      'gemini-2.5-pro': 'gemini-3.8-flash',
    };
    const models = ['gemini-3.8-flash', 'gemini-3.6-flash', 'gemini-2.5-pro', 'gemini-2.5-flash'].map((id) =>
      card(id, { displayName: id.toUpperCase(), inputTokenLimit: 1000 }),
    );
    const catalog = open(models, { aliases, hidden: ['gemini-3.*', '*-flash'] });
    expect(await catalog.list()).toMatchObject([
      { id: 'gemini-2.5-pro', target: 'gemini-3.8-flash', name: 'gemini-2.5-pro (GEMINI-3.8-FLASH)' },
      {
        id: 'gpt-4o',
        target: 'gemini-3.8-flash',
        name: 'gpt-4o (GEMINI-3.8-FLASH)',
        created: Date.parse('2026-09-02') / 1000,
        prices: { input: 0.75, cachedInput: 0.075, output: 3.75 },
        card: { name: 'models/gemini-3.8-flash', inputTokenLimit: 1000, outputTokenLimit: 65_536 },
      },
    ]);
  });

  test('guesses what an unknown model can do, and tells no price', async () => {
    const catalog = open([
      card('gemini-9-flash', { thinking: true }),
      card('gemini-9-flash-image'),
      card('gemma-3-1b-it'),
    ]);
    const [chat, image, gemma] = await catalog.list();
    expect([...(chat?.capabilities ?? [])]).toEqual(['chat', 'vision', 'audioInput', 'tools', 'thinking', 'json']);
    expect([...(image?.capabilities ?? [])]).toEqual(['chat', 'vision', 'imageOutput']);
    expect([...(gemma?.capabilities ?? [])]).toEqual(['chat', 'vision']);
    expect(chat).toMatchObject({ prices: null, name: 'gemini-9-flash', created: nowMs / 1000 });
  });
});

describe('one model', () => {
  const catalog = open([card('gemini-3.8-flash'), card('gemini-2.5-pro')], {
    aliases: {
      'gpt-4o': 'gemini-3.8-flash',
      'claude-*': 'gemini-3.8-flash',
      'openai/o:1': 'gemini-2.5-pro',
      'x-*': 'nobody',
    },
    hidden: ['gemini-2.*', 'claude-secret'],
  });

  test.each([
    ['gemini-3.8-flash', 'gemini-3.8-flash', 'gemini-3.8-flash'],
    ['models/gemini-3.8-flash', 'gemini-3.8-flash', 'gemini-3.8-flash'],
    ['gpt-4o', 'gpt-4o', 'gemini-3.8-flash'],
    ['claude-opus-9', 'claude-opus-9', 'gemini-3.8-flash'],
    ['openai/o:1', 'openai/o:1', 'gemini-2.5-pro'],
  ])('is found as %s', async (requested, id, target) => {
    expect(await catalog.find(requested)).toMatchObject({ id, target });
  });

  test.each(['gemini-2.5-pro', 'claude-secret', 'gemini-3.9-flash', 'x-1', '', '../x'])(
    'that is hidden or unknown is not found: %j',
    async (requested) => {
      expect(await catalog.find(requested)).toBeNull();
    },
  );
});

test('a name that no model can have is refused with the names it may stand for', () => {
  const catalog = open(null);
  expect(catalog.resolve('models/gemini-9-new')).toBe('gemini-9-new');
  expect(() => catalog.resolve('gemini-4-argon:')).toThrow('Did you mean gemini-4-argon or gemini-4-carbon?');
  expect(() => catalog.resolve('../v1/files')).toThrow('The model "../v1/files" does not exist.');
});

test('the output limit is what Google says, else what is built in', async () => {
  const catalog = open([
    card('gemini-3.8-flash', { outputTokenLimit: 7 }),
    card('gemini-3.6-flash'),
    card('gemini-9-x'),
  ]);
  expect(catalog.outputTokenLimit('gemini-3.8-flash')).toBe(65_536);
  await catalog.list();
  const limits = ['gemini-3.8-flash', 'gemini-3.6-flash', 'gemini-9-x'].map((id) => catalog.outputTokenLimit(id));
  expect(limits).toEqual([7, 65_536, undefined]);
});

test('top_k is taken unless Google’s card of the model goes without it', async () => {
  const catalog = open([
    card('gemini-3.5-flash', { topK: 64 }),
    card('gemini-3.6-flash'),
    card('gemini-9', { topK: 'x' }),
  ]);
  const takes = () => ['gemini-3.5-flash', 'gemini-3.6-flash', 'gemini-9', 'unknown'].map(catalog.takesTopK);
  expect(takes()).toEqual([true, true, true, true]);
  await catalog.list();
  expect(takes()).toEqual([true, false, false, true]);
});

test('the facts of the known models are well-formed', () => {
  for (const { id, released, ...limits } of knownModels) {
    expect(isModelId(id)).toBe(true);
    expect(Math.min(limits.inputTokenLimit, limits.outputTokenLimit), id).toBeGreaterThan(0);
    if (released) expect(Date.parse(released), id).toBeGreaterThan(0);
  }
  expect(new Set(knownModels.map(({ id }) => id)).size).toBe(knownModels.length);
});
