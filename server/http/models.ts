import { createHash } from 'node:crypto';
import Router from '@koa/router';
import type { Context, Middleware } from 'koa';
import { mayUse } from '../clients/clients.ts';
import { toModelInfo, toModelInfoPage } from '../formats/anthropic/models.ts';
import { toCard, toCardPage } from '../formats/gemini/models.ts';
import { parseNativePath } from '../formats/gemini/native-path.ts';
import type { ListedModel } from '../formats/listed-model.ts';
import { toModel } from '../formats/openai-chat/models.ts';
import type { ModelCatalog } from '../models/model-catalog.ts';
import { modelNotFound } from '../models/model-id.ts';
import { askedShape, type Shape } from './asked-shape.ts';

type Query = Record<string, string | undefined>;

/** How a list and a single model look in each shape. */
const shapes: Record<Shape, { list(models: ListedModel[], query: Query): object; one(model: ListedModel): object }> = {
  openai: { list: toOpenAiList, one: toModel },
  anthropic: { list: toModelInfoPage, one: toModelInfo },
  gemini: { list: toCardPage, one: toCard },
};

/** `GET /v1/models` and `/v1/models/{id}` in the shape of who asks; below Google's other versions always in Google's. */
export function modelRoutes(known: Middleware, models: ModelCatalog): Router {
  const router = new Router();
  for (const path of ['/v1/models', '/v1beta/models', '/v1alpha/models']) {
    router.get(path, known, listModels(models));
    router.get(`${path}/{*id}`, known, showModel(models));
  }
  return router;
}

/** OpenAI's list is always whole. Who asks for pages is one of Anthropic's clients that did not say so: each finds its own fields. */
function toOpenAiList(models: ListedModel[], query: Query): object {
  if (!('limit' in query || 'after_id' in query || 'before_id' in query))
    return { object: 'list', data: models.map(toModel) };
  const page = toModelInfoPage(models, query);
  const byId = new Map(models.map((model) => [model.id, toModel(model)]));
  return { object: 'list', ...page, data: page.data.map((info) => ({ ...info, ...byId.get(info.id) })) };
}

function listModels(catalog: ModelCatalog): Middleware {
  return async function answerModels(ctx) {
    const query = Object.fromEntries(Object.entries(ctx.query).map(([name, value]) => [name, [value].flat()[0]]));
    send(ctx, shapeOf(ctx).list(await usableModels(catalog, ctx), query));
  };
}

function showModel(catalog: ModelCatalog): Middleware {
  return async function answerModel(ctx, next) {
    // An operation of a model is Google's affair.
    if (parseNativePath(ctx.path)) return next();
    const requested = String(ctx.params.id ?? '');
    const model = await catalog.find(requested);
    if (!model || !mayUse(ctx.state.client, model.id, model.target)) {
      const usable = await usableModels(catalog, ctx);
      throw modelNotFound(
        requested,
        usable.map(({ id }) => id),
      );
    }
    send(ctx, shapeOf(ctx).one(model));
  };
}

async function usableModels(catalog: ModelCatalog, { state }: Context): Promise<ListedModel[]> {
  return (await catalog.list()).filter(({ id, target }) => mayUse(state.client, id, target));
}

function shapeOf(ctx: Context) {
  return shapes[askedShape(ctx.path, ctx.headers, ctx.query)];
}

/** Clients ask often and the answer seldom changes: who has it gets 304. */
function send(ctx: Context, value: object): void {
  const text = JSON.stringify(value);
  const etag = `"${createHash('sha256').update(text).digest('base64url')}"`;
  ctx.set({ etag, 'cache-control': 'private, no-cache' });
  // Not `ctx.fresh`: that heeds the `cache-control: no-cache` which `fetch` adds by itself to whatever has an `if-none-match`.
  if (ctx.get('if-none-match').includes(etag)) {
    ctx.status = 304;
    return;
  }
  ctx.type = 'json';
  ctx.body = text;
}
