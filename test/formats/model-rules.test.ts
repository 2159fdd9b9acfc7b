import { expect, test } from 'vitest';
import { rulesOf } from '../../server/formats/model-rules.ts';

test.each([
  ['gemma-3-27b-it', 'gemma3'],
  ['gemma-4-31b-it', 'gemma4'],
  ['gemini-2.0-flash', 'g2'],
  ['gemini-2.5-pro', 'g2'],
  ['gemini-2.5-flash-image', 'g2'],
  ['gemini-2.5-flash-preview-tts', 'g2'],
  ['gemini-3-flash-preview', 'g3a'],
  ['gemini-3.1-pro-preview-customtools', 'g3a'],
  ['gemini-3.1-flash-lite', 'g3a'],
  ['gemini-3.1-flash-image', 'g3a'],
  ['gemini-3.1-flash-lite-image', 'g3a'],
  ['gemini-3-pro-image', 'g3a'],
  ['gemini-3.1-flash-tts-preview', 'g3a'],
  ['gemini-3.5-flash', 'g3a'],
  ['gemini-3.5-flash-lite', 'g3b'],
  ['gemini-3.6-flash', 'g3b'],
  ['gemini-3.8-flash', 'g3b'],
  ['gemini-3.8-flash-tts', 'g3b'],
  ['gemini-4-argon', 'g4'],
  ['gemini-10-x', 'g4'],
  ['gemini-flash-latest', 'g4'],
  ['gemini-nano-banana-2.1', 'g4'],
  ['never-seen', 'g4'],
])('%s is of the family %s', (id, family) => {
  expect(rulesOf(id).family).toBe(family);
});

test('a family decides what may be set and how a conversation may end', () => {
  const facts = ['gemini-2.5-flash', 'gemini-3.1-flash-lite-image', 'gemini-3.5-flash-lite', 'gemini-4-argon'].map(
    (id) => {
      const { hasSampling, mayEndWithModelTurn, needsSignature } = rulesOf(id);
      return [hasSampling, mayEndWithModelTurn, needsSignature];
    },
  );
  expect(facts).toEqual([
    [true, true, false],
    [true, true, true],
    [false, false, true],
    [false, false, true],
  ]);
});
