import type { Middleware } from 'koa';
import { ApiError } from '../formats/api-error.ts';
import { modelId, toModel } from '../formats/openai-chat/models.ts';
import type { ModelCatalog } from '../relay/model-catalog.ts';

/** `GET /v1/models`: what can be chatted with, in OpenAI's shape. @param created Seconds since 1970; Google tells no date. */
export function listModels(models: ModelCatalog, created: number): Middleware {
  return async function answerModels(ctx) {
    ctx.body = { object: 'list', data: (await usableModels(models)).map((card) => toModel(card, created)) };
  };
}

/** `GET /v1/models/{id}`. @throws ApiError 404 */
export function showModel(models: ModelCatalog, created: number): Middleware {
  return async function answerModel(ctx) {
    const id = String(ctx.params.id).replace(/^models\//, '');
    const card = (await usableModels(models)).find((candidate) => modelId(candidate) === id);
    if (!card)
      throw new ApiError(404, 'model_not_found', `The model "${id.slice(0, 100)}" does not exist.`, { param: 'model' });
    ctx.body = toModel(card, created);
  };
}

async function usableModels(models: ModelCatalog) {
  const cards = await models.list();
  if (cards.length === 0) {
    const message =
      'The list of models is not known: no usable Gemini key is in the pool, or Google cannot be reached.';
    throw new ApiError(503, 'no_available_key', message, { shouldRetry: false });
  }
  return cards.filter((card) => card.supportedGenerationMethods?.includes('generateContent') ?? true);
}
