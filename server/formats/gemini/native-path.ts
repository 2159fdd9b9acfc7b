import type { GeminiAction } from '../../gemini/types.ts';

/** What a path of Gemini's own API asks for. */
export type NativePath =
  /** An action of a model whose tokens can be counted on the way. */
  | { kind: 'model'; version: string; model: string; action: Exclude<GeminiAction, 'interactions'> }
  /** Anything else, passed on as it is. `resource` is what it is about, if it names one. */
  | {
      kind: 'other';
      version: string;
      collection: string;
      /** Of a batch. */
      model: string | null;
      resource: string | null;
      /** It is about the resource itself, not about something inside it. */
      isWhole: boolean;
    };

/** Actions of models whose tokens are counted elsewhere, if at all. */
const batchActions = new Set(['batchGenerateContent', 'asyncBatchEmbedContent', 'predict', 'predictLongRunning']);

/** What has bytes of its own to be uploaded or downloaded. */
const fileCollections = new Set(['files', 'fileSearchStores', 'generatedFiles']);

const actions = new Set([
  'generateContent',
  'streamGenerateContent',
  'countTokens',
  'embedContent',
  'batchEmbedContents',
]);

/** Collections of Gemini's API that clients may use; keys, permissions and the like are not for them. */
const collections = new Set([
  'files',
  'cachedContents',
  'interactions',
  'operations',
  'batches',
  'fileSearchStores',
  'generatedFiles',
  'models',
]);

/** A segment that is what it says: no dots that climb, nothing escaped. */
const plainSegment = /^(?!\.+(:|$))[\w.~@:-]{1,256}$/;

/** Understands a path such as `/v1beta/models/gemini-3.8-flash:generateContent`; null for what is none of Gemini's or is not served. */
export function parseNativePath(path: string): NativePath | null {
  const [, before, version, rest = ''] = /^(\/upload|\/download|)\/(v1|v1beta|v1alpha)\/(.+)$/.exec(path) ?? [];
  const segments = rest.split('/');
  if (version === undefined || !segments.every((segment) => plainSegment.test(segment) && !segment.includes('..')))
    return null;
  const [first = '', name, ...more] = segments;
  const [, model = '', action = ''] = /^([^:]+):(\w+)$/.exec(name ?? '') ?? [];
  if (/^(?:m|tunedM)odels$/.test(first) && before === '' && more.length === 0 && actions.has(action)) {
    const id = first === 'models' ? model : `${first}/${model}`;
    return { kind: 'model', version, model: id, action: action as Exclude<GeminiAction, 'interactions'> };
  }
  const collection = first.split(':')[0] ?? '';
  if (!collections.has(collection) || (before !== '' && !fileCollections.has(collection))) return null;
  const operation = operationOf(segments);
  if (operation && before === '')
    return { kind: 'other', version, collection, model: null, resource: operation, isWhole: true };
  if (collection === 'models') {
    if (more.length > 0 || !batchActions.has(action)) return null;
    return { kind: 'other', version, collection, model, resource: null, isWhole: false };
  }
  const id = name?.split(':')[0];
  const resource = id ? `${collection}/${id}` : null;
  return { kind: 'other', version, collection, model: null, resource, isWhole: more.length === 0 };
}

/** A film in the making is asked for under its model: `models/{model}/operations/{id}`. */
function operationOf([first, model = '', operations, id, ...more]: readonly string[]): string | null {
  const isOperation = first === 'models' && operations === 'operations' && id && more.length === 0;
  return isOperation && !model.includes(':') ? `models/${model}/operations/${id.split(':')[0]}` : null;
}
