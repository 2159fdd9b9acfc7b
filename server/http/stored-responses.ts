import type Router from '@koa/router';
import type { Context, Middleware } from 'koa';
import { ApiError, invalidRequest } from '../formats/api-error.ts';
import type { StoredResponse } from '../formats/format.ts';
import { listInputItems } from '../formats/openai-responses/input-list.ts';
import type { ClientResponses, ResponseStore } from '../responses/response-store.ts';

/** What the Responses API has beside making one: reading and deleting those that are kept, and the calls that there is nothing for here. */
export function addStoredResponses(router: Router, known: Middleware, responses: ResponseStore): void {
  const ofCaller = (ctx: Context) => responses.of(ctx.state.client.id);
  router.get('/responses/:id', known, (ctx) => {
    const { body } = find(ofCaller(ctx), ctx);
    if (ctx.query.stream === 'true')
      throw invalidRequest('A kept response is sent whole; it cannot be streamed again.', 'stream');
    ctx.body = body;
  });
  router.delete('/responses/:id', known, (ctx) => {
    const { body } = find(ofCaller(ctx), ctx);
    ofCaller(ctx).delete(body.id);
    ctx.body = { id: body.id, object: 'response', deleted: true };
  });
  router.get('/responses/:id/input_items', known, (ctx) => {
    ctx.body = listInputItems(find(ofCaller(ctx), ctx).input, ctx.query);
  });
  router.post('/responses/:id/cancel', known, (ctx) => {
    find(ofCaller(ctx), ctx);
    throw invalidRequest('Only responses that are made in the background can be cancelled, and here none are.', null);
  });
  for (const name of ['compact', 'input_tokens']) router.post(`/responses/${name}`, known, refuse);
}

function find(stored: ClientResponses, ctx: Context): StoredResponse {
  const id = String((ctx as unknown as { params: { id: string } }).params.id);
  const found = stored.get(id);
  if (found) return found;
  const message = `Response with id '${id.slice(0, 100)}' not found. Responses are kept in memory for a day at most, and not at all with \`store: false\`.`;
  throw new ApiError(404, 'response_not_found', message);
}

function refuse(ctx: Context): void {
  throw new ApiError(404, 'unknown_url', `${ctx.method} ${ctx.path} is not offered here; POST /v1/responses is.`);
}
