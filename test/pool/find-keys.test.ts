import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { checkKeys, findKeys } from '../../server/pool/find-keys.ts';

const standard = `AIza${'Sy0123456789_-'.repeat(3).slice(0, 35)}`;
const auth = 'AQ.Ab8RN6ExampleExampleExample';
const good = (...texts: string[]) => ({ keys: texts.map((text) => ({ text, problem: null })) });

describe('a pasted text', () => {
  test('gives the keys of known shape wherever they stand', () => {
    expect(findKeys(`Here are the keys: "${standard}", and (${auth}).\nUse them well!`)).toEqual(good(standard, auth));
    expect(findKeys(`[{"key":"${standard}"},{"key":"${auth}"}]`)).toEqual(good(standard, auth));
  });

  test.each([
    ['one per line', 'first-key\r\n\nsecond-key\n'],
    ['between commas', 'first-key, second-key,'],
    ['in an environment file', 'export GEMINI_API_KEYS="first-key,second-key"'],
    ['in a list', '- first-key;\n* second-key'],
    ['with a comment', '# mine\nfirst-key\nsecond-key'],
  ])('gives keys of any shape %s', (_name, text) => {
    expect(findKeys(text)).toEqual(good('first-key', 'second-key'));
  });

  test('tells which of its lines is no key', () => {
    expect(findKeys('first-key\nsecond key\nschlüssel')).toEqual({
      keys: [
        { text: 'first-key', problem: null },
        { text: 'second key', problem: 'A key has no spaces or line breaks.' },
        { text: 'schlüssel', problem: 'A key has plain ASCII characters only.' },
      ],
    });
  });

  test.each([
    ['without a key', 'nothing here', 'There is no key in it.'],
    ['that is empty', ' \n ', 'There is no key in it.'],
    ['that is too long', 'x'.repeat(1_000_001), 'The text is too long: at most 1,000,000 characters.'],
    ['with too many keys', 'k\n'.repeat(10_001), 'At most 10,000 keys at a time.'],
  ])('%s is refused', (_name, text, problem) => {
    expect(findKeys(text)).toEqual({ problem });
  });

  test('gives back whatever keys were put into it', () => {
    const characters = fc.constantFrom(...'abcXYZ019_-');
    const keys = fc.array(fc.string({ unit: characters, minLength: 20, maxLength: 60 }), {
      minLength: 1,
      maxLength: 20,
    });
    fc.assert(
      fc.property(keys, fc.constantFrom('\n', '\r\n', ',', ' , '), (texts, separator) => {
        const known = texts.map((text) => `AQ.${text}`);
        expect(findKeys(known.join(separator))).toEqual(good(...known));
      }),
    );
  });
});

test('keys that were given one by one are taken as they are', () => {
  expect(checkKeys([' a-key ', 'a b', ''])).toEqual({
    keys: [
      { text: 'a-key', problem: null },
      { text: 'a b', problem: 'A key has no spaces or line breaks.' },
      { text: '', problem: 'It is empty.' },
    ],
  });
  expect(checkKeys([])).toEqual({ problem: 'There is no key in it.' });
  expect(checkKeys(['x'.repeat(501)])).toEqual({ problem: 'There is no key in it.' });
});
