import { modelName, modelPath } from '../../gemini/model-name.ts';
import type { GeminiAction } from '../../gemini/types.ts';
import { invalidRequest } from '../api-error.ts';
import { type ClientFormat, plainRequest, type TranslatedRequest, type TranslationContext } from '../format.ts';
import { type Fields, isObject } from '../to-gemini/read-fields.ts';
import { modelsIn } from './models-in.ts';
import { NativeAnswer } from './native-answer.ts';
import { resourcesIn } from './resources-in.ts';

/** Gemini's own API for models, `POST /v1beta/models/{model}:{action}`: nothing is translated, the bytes pass as they are. */
export const geminiNative: ClientFormat = { name: 'gemini', toGemini };

const shownCharactersMax = 100;

/** A native call, as the route read it. */
export interface NativeCall {
  /** As the path names it. */
  model: string;
  action: Exclude<GeminiAction, 'interactions'>;
  /** `v1`, `v1beta` or `v1alpha`. */
  version: string;
  /** The query string without the client key. */
  query: string;
  body: unknown;
  /** The body as it came. */
  bytes: Buffer;
}

/** @param body A `NativeCall`. @throws ApiError */
function toGemini(body: unknown, context: TranslationContext): TranslatedRequest {
  const { model: requestedModel, action, version, query, body: request, bytes } = body as NativeCall;
  if (!isObject(request)) throw invalidRequest('The body must be a JSON object.', null);
  const model = context.modelOf(requestedModel);
  // Without `alt=sse` a stream is a JSON list, which is passed on when it is whole.
  const isStreaming = action === 'streamGenerateContent' && new URLSearchParams(query).get('alt') === 'sse';
  const path = `/${version}/${modelPath(model)}:${action}${query && `?${query}`}`;
  requireSameModel(modelsIn(request), requestedModel.replace(/^models\//, ''), model);
  const isAlias = requestedModel.replace(/^models\//, '') !== model;
  const call = { action, body: isAlias ? withModel(request, model) : request };
  return {
    ...plainRequest,
    requestedModel,
    model,
    isStreaming,
    calls: [{ ...call, native: { path, bytes: isAlias ? null : bytes } }],
    resources: resourcesIn(request),
    createAnswer: () => new NativeAnswer(),
  };
}

/** Google wants the same; here a client key's models depend on it. @throws ApiError */
function requireSameModel(named: readonly string[], ...meant: string[]): void {
  const other = named.find((name) => !meant.includes(name));
  if (other === undefined) return;
  const shown = other.slice(0, shownCharactersMax);
  throw invalidRequest(`The body names the model "${shown}", the path another one.`, 'model');
}

/** Some actions name their model in the body as well: what an alias stands for is told there too. */
function withModel(request: Fields, model: string): Fields {
  const name = modelName(model);
  const renamed = (value: unknown) => (isObject(value) && 'model' in value ? { ...value, model: name } : value);
  return {
    ...(renamed(request) as Fields),
    ...(Array.isArray(request.requests) && { requests: request.requests.map(renamed) }),
    ...(isObject(request.generateContentRequest) && {
      generateContentRequest: renamed(request.generateContentRequest),
    }),
  };
}
