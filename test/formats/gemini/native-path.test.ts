import { expect, test } from 'vitest';
import { isBatchFromFile, modelsIn } from '../../../server/formats/gemini/models-in.ts';
import { parseNativePath } from '../../../server/formats/gemini/native-path.ts';
import { resourcesIn } from '../../../server/formats/gemini/resources-in.ts';

test('an action of a model whose tokens can be counted is one', () => {
  const path = parseNativePath('/v1beta/models/gemini-3.8-flash:streamGenerateContent');
  expect(path).toEqual({
    kind: 'model',
    version: 'v1beta',
    model: 'gemini-3.8-flash',
    action: 'streamGenerateContent',
  });
  expect(parseNativePath('/v1/models/x:countTokens')).toMatchObject({ kind: 'model', version: 'v1' });
  const tuned = { kind: 'model', model: 'tunedModels/x', action: 'generateContent' };
  expect(parseNativePath('/v1beta/tunedModels/x:generateContent')).toMatchObject(tuned);
});

test.each([
  ['/v1beta/files/abc', 'files/abc'],
  ['/upload/v1beta/files', null],
  ['/v1beta/files/abc:download', 'files/abc'],
  ['/v1beta/cachedContents/c-1', 'cachedContents/c-1'],
  ['/v1beta/interactions/i_1/cancel', 'interactions/i_1'],
  ['/v1beta/models/x:predictLongRunning', null],
  ['/v1beta/models/veo/operations/o-1', 'models/veo/operations/o-1'],
  ['/v1beta/models/veo/operations/o-1:cancel', 'models/veo/operations/o-1'],
  ['/v1beta/fileSearchStores/s/documents/d', 'fileSearchStores/s'],
])('%s is passed on and is about %s', (path, resource) => {
  expect(parseNativePath(path)).toMatchObject({ kind: 'other', resource });
});

test.each([
  '/v1beta/corpora/x',
  '/v1beta/models',
  '/v1beta/models/x',
  '/v1beta/files/../models',
  '/v1beta/files/.',
  '/v1beta/files/.:x',
  '/v1beta/models/x:tune',
  '/v1beta/tunedModels/x',
  '/v1beta/tunedModels/x:transferOwnership',
  '/v1beta/tunedModels/x/permissions',
  '/v1beta/models/x:generateContent/y',
  '/v1beta/models/x/operations',
  '/v1beta/models/x:y/operations/o',
  '/v1beta/models/x/operations/o/p',
  '/upload/v1beta/models/x/operations/o',
  '/upload/v1beta/models/x:generateContent',
  '/upload/v1beta/interactions',
  '/v1beta/files/%2e%2e/x',
  '/v1beta/models/a/b:generateContent',
  '/v1beta/models/a%2Fb:generateContent',
  '/v2/files',
  '/v1beta/',
])('%s is not served', (path) => {
  expect(parseNativePath(path)).toBeNull();
});

test('resources are found where Google names them, and nowhere else', () => {
  const fileUri = 'https://generativelanguage.googleapis.com/v1beta/files/f-1';
  const request = {
    contents: [{ parts: [{ fileData: { fileUri } }, { text: 'files/none cachedContents/none' }] }],
    cachedContent: 'cachedContents/c1',
    previous_interaction_id: 'i1',
  };
  expect(resourcesIn(request).sort()).toEqual(['cachedContents/c1', 'files/f-1', 'interactions/i1']);
  const tools = [{ fileSearch: { fileSearchStoreNames: ['fileSearchStores/s', 5] } }];
  const inputConfig = { file_name: 'files/b' };
  const odd = { cachedContent: 'elsewhere', parts: [{ file_data: { file_uri: 'https://youtu.be/x' } }] };
  expect(resourcesIn({ tools, batch: { inputConfig } }).sort()).toEqual(['fileSearchStores/s', 'files/b']);
  expect(resourcesIn(odd).sort()).toEqual(['elsewhere', 'https://youtu.be/x']);
  expect(resourcesIn([null, 'x', { uri: 5 }])).toEqual([]);
});

test('models are found where a native request may name them, and not among its contents', () => {
  const requests = [{ request: { model: 'models/c' } }, { model: 'd' }, null];
  const batch = { model: 'models/b', input_config: { requests: { requests } } };
  expect(modelsIn({ model: 'models/a', batch, generateContentRequest: { model: 'a' }, agent: 'e' })).toEqual([
    'a',
    'b',
    'c',
    'd',
    'e',
  ]);
  expect(modelsIn({ contents: [{ model: 'x' }], model: 5 })).toEqual([]);
  expect(modelsIn(null)).toEqual([]);
});

test.each<[unknown, boolean]>([
  [{ batch: { inputConfig: { fileName: 'files/f' } } }, true],
  [{ batch: { input_config: { file_name: 'files/f' } } }, true],
  [{ batch: { inputConfig: { requests: {} }, input_config: { fileName: 'files/f' } } }, true],
  [{ batch: { inputConfig: { fileName: 5 } } }, true],
  [{ inputConfig: { fileName: 'files/f' } }, true],
  [{ batch: { inputConfig: { requests: { requests: [] } } } }, false],
  [{ fileName: 'files/f' }, false],
  [{ batch: 'files/f' }, false],
  [null, false],
])('the requests of %j lie in a file: %s', (request, isInFile) => {
  expect(isBatchFromFile(request)).toBe(isInFile);
});
