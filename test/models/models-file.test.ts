import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { ConfigError } from '../../server/config.ts';
import { noModelsFile, parseModelsFile, readModelsFile, warningsOf } from '../../server/models/models-file.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';

const parse = (value: unknown) => parseModelsFile(JSON.stringify(value), '/data/models.json');

test('a models file that is absent says nothing', () => {
  expect(readModelsFile(join(temporaryFolder(), 'models.json'))).toEqual(noModelsFile);
});

test('a models file that is there but cannot be read stops the start', () => {
  const path = join(temporaryFolder(), 'models.json');
  mkdirSync(path);
  expect(() => readModelsFile(path)).toThrow(/^MODELS_FILE .*models\.json cannot be read: /);
});

test('a models file is read; every part of it may be left out', () => {
  const path = join(temporaryFolder(), 'models.json');
  writeFileSync(
    path,
    `{ "aliases": { "gpt-4o": "models/gemini-3.8-flash" },
       "rules": { "my-*": { "like": "gemini-3.8-flash", "thinking": { "kind": "level", "minimum": "LOW" } } } }`,
  );
  const thinking = { kind: 'level', minimum: 'LOW', hasMedium: true, hasExtraHigh: false };
  expect(readModelsFile(path)).toEqual({
    aliases: { 'gpt-4o': 'gemini-3.8-flash' },
    rules: { 'my-*': { like: 'gemini-3.8-flash', thinking } },
    hidden: [],
  });
  expect(parse({})).toEqual(noModelsFile);
});

test.each([
  [[], 'the file takes an object'],
  [{ alias: {} }, 'the file has no "alias"'],
  [{ aliases: [] }, 'aliases takes an object of names and model ids'],
  [{ aliases: { 'gpt-4o': 5 } }, 'aliases["gpt-4o"] takes the id of a model, such as "gemini-3.8-flash"'],
  [{ aliases: { 'gpt-4o': 'a/../b' } }, 'aliases["gpt-4o"] takes the id of a model, such as "gemini-3.8-flash"'],
  [{ aliases: { 'gpt 4o': 'gemini-3.8-flash' } }, 'aliases["gpt 4o"] takes 1 to 128 characters without spaces'],
  [{ rules: { 'my-*': true } }, 'rules["my-*"] takes an object'],
  [{ rules: { 'my-*': { hasSampling: 'yes' } } }, 'rules["my-*"].hasSampling takes true or false'],
  [{ rules: { 'my-*': { sampling: true } } }, 'rules["my-*"] has no "sampling"'],
  [{ rules: { m: { thinking: {} } } }, 'rules.m.thinking.kind takes "none", "level" or "budget"'],
  [{ rules: { m: { thinking: 'LOW' } } }, 'rules.m.thinking takes an object with a "kind"'],
  [{ rules: { m: { thinking: { kind: 'level' } } } }, 'rules.m.thinking.minimum takes "MINIMAL" or "LOW"'],
  [{ rules: { m: { thinking: { kind: 'budget', min: 0.5 } } } }, 'rules.m.thinking.min takes a whole number of tokens'],
  [{ rules: { m: { thinking: { kind: 'none', min: 1 } } } }, 'rules.m.thinking has no "min"'],
  [{ rules: { m: { imageSizes: ['8K'] } } }, 'rules.m.imageSizes[0] takes "512", "1K", "2K" or "4K"'],
  [{ rules: { m: { aspectRatios: ['wide'] } } }, 'rules.m.aspectRatios[0] takes width to height, such as "16:9"'],
  [{ rules: { m: { aspectRatios: [] } } }, 'rules.m.aspectRatios takes at least one'],
  [{ hidden: 'gemini-2.*' }, 'hidden takes a list of patterns'],
  [{ hidden: ['a', 7] }, 'hidden[1] takes 1 to 128 characters without spaces'],
])('a wrong models file is refused by a sentence with the place and what it takes: %j', (value, sentence) => {
  expect(() => parse(value)).toThrow(ConfigError);
  expect(() => parse(value)).toThrow(`MODELS_FILE /data/models.json is not accepted: ${sentence}`);
});

test('a models file that is not JSON is refused with the place', () => {
  expect(() => parseModelsFile('{ "aliases": ', '/data/models.json')).toThrow(
    /is not accepted: it is not JSON \(.+\)\.$/,
  );
});

test('aliases that clients take for reasoning models of OpenAI are warned of', () => {
  const names = ['gpt-4o', 'o3-mini', 'gpt-5', 'claude-*', 'openai/o1'];
  const file = { ...noModelsFile, aliases: Object.fromEntries(names.map((name) => [name, 'gemini-3.8-flash'])) };
  expect(warningsOf(file).map((sentence) => sentence.split(' ')[2])).toEqual(['o3-mini', 'gpt-5', 'openai/o1']);
});
