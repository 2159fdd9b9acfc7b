import { expect, test } from 'vitest';
import { modelNotFound } from '../../server/models/model-id.ts';

const known = [
  'gemini-4-argon',
  'gemini-4-hydrogen',
  'gemini-3.8-flash',
  'gemini-3.7-flash',
  'gemma-4-31b-it',
  'gpt-4o',
];

test.each([
  ['gemini-3.8-flsh', 'Did you mean gemini-3.8-flash or gemini-3.7-flash?'],
  ['models/Gemini-3.8-Flash', 'Did you mean gemini-3.8-flash or gemini-3.7-flash?'],
  ['gemini-4', 'Did you mean gemini-4-argon or gemini-4-hydrogen?'],
  ['gpt-40', 'Did you mean gpt-4o?'],
  ['claude-sonnet-5', 'does not exist.'],
  ['', 'does not exist.'],
  ['gemini-3.8-flash', 'does not exist.'],
])('the model %j is not found: %s', (requested, end) => {
  const error = modelNotFound(requested, known);
  expect(error).toMatchObject({ status: 404, code: 'model_not_found', param: 'model' });
  expect(error.message).toBe(`The model "${requested}" does not exist.${end.startsWith('Did') ? ` ${end}` : ''}`);
});

test('of a name that is too long only the beginning is repeated', () => {
  expect(modelNotFound('x'.repeat(10_000), known).message).toBe(`The model "${'x'.repeat(100)}" does not exist.`);
});
