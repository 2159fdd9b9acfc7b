import { describe, expect, test } from 'vitest';
import { rulesOf } from '../../server/formats/model-rules.ts';
import { createModelDirectory } from '../../server/models/model-directory.ts';
import { noModelsFile } from '../../server/models/models-file.ts';

describe('the name of a model', () => {
  const directory = createModelDirectory({
    ...noModelsFile,
    aliases: {
      'gpt-4o': 'gemini-3.8-flash',
      'gpt-*': 'gemini-3.5-flash-lite',
      'gpt-4o-*': 'gemini-3.6-flash',
      'llama3:8b': 'gemma-4-31b-it',
      'openai/o-large': 'gemini-4-argon',
      'gemini-2.5-pro': 'gemini-3.8-flash',
      tuned: 'tunedModels/my-model',
      upper: 'Gemini-4-Argon',
      'gemini-3.8-flash': 'gemini-4-argon',
    },
  });

  test.each([
    ['gemini-4-argon', 'gemini-4-argon'],
    [' models/gemini-4-argon ', 'gemini-4-argon'],
    ['google/gemini-4-argon', 'gemini-4-argon'],
    ['gemini/gemini-4-argon', 'gemini-4-argon'],
    ['gemini/models/gemini-4-argon', 'gemini-4-argon'],
    ['text-bison@001', 'text-bison@001'],
    ['Gemini-4-Argon', 'gemini-4-argon'],
    ['Models/GEMINI-4-ARGON', 'gemini-4-argon'],
    ['tunedModels/my-model', 'tunedModels/my-model'],
    ['tunedmodels/My-Model', 'tunedModels/my-model'],
    ['tuned', 'tunedModels/my-model'],
    ['GPT-4o', 'gemini-3.8-flash'],
    ['upper', 'gemini-4-argon'],
    ['gpt-4o', 'gemini-3.8-flash'],
    ['models/gpt-4o', 'gemini-3.8-flash'],
    ['gpt-4o-mini', 'gemini-3.6-flash'],
    ['gpt-5', 'gemini-3.5-flash-lite'],
    ['llama3:8b', 'gemma-4-31b-it'],
    ['openai/o-large', 'gemini-4-argon'],
  ])('%s leads to %s', (requested, id) => {
    expect(directory.resolve(requested)).toBe(id);
  });

  test('is followed once, so that two aliases may point at each other', () => {
    expect(directory.resolve('gemini-2.5-pro')).toBe('gemini-3.8-flash');
    expect(directory.resolve('gemini-3.8-flash')).toBe('gemini-4-argon');
  });

  test.each([
    '',
    ' ',
    '..',
    'a/b',
    'a?b',
    'a#b',
    'a:b',
    'a%2fb',
    'gemini-..-x',
    '-x',
    'a\nb',
    'tunedModels/',
    'tunedModels/x/y',
    'tunedModels/x:generateContent',
    'tunedModels/..',
    'x/tunedModels/y',
    'ä',
    'x'.repeat(129),
  ])('that could lead elsewhere is no model: %j', (requested) => {
    expect(directory.resolve(requested)).toBeNull();
  });
});

describe('the rules of a model', () => {
  const directory = createModelDirectory({
    ...noModelsFile,
    rules: {
      'my-tuned-*': { like: 'gemini-2.5-flash' },
      'my-tuned-thinker': { like: 'gemini-3.8-flash', hasSampling: true, thinking: { kind: 'none' } },
      'gemini-3.8-*': { hasHops: true },
    },
  });

  test('are the built-in ones where the file says nothing', () => {
    for (const id of ['gemini-4-argon', 'gemini-2.5-pro', 'never-seen'])
      expect(directory.rulesOf(id)).toEqual(rulesOf(id));
  });

  test('are those of the model it is like, with the changes of the strongest pattern alone', () => {
    expect(directory.rulesOf('my-tuned-x')).toEqual(rulesOf('gemini-2.5-flash'));
    const thinker = { ...rulesOf('gemini-3.8-flash'), hasSampling: true, thinking: { kind: 'none' } };
    expect(directory.rulesOf('my-tuned-thinker')).toEqual(thinker);
  });

  test('are its own with the changes, when it is like no other', () => {
    expect(directory.rulesOf('gemini-3.8-flash')).toEqual({ ...rulesOf('gemini-3.8-flash'), hasHops: true });
  });
});
