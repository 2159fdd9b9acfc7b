import querystring from 'node:querystring';
import Router from '@koa/router';
import type { Context, Middleware } from 'koa';
import { mayUse, mayUseAll } from '../clients/clients.ts';
import { ApiError, invalidRequest } from '../formats/api-error.ts';
import { geminiNative, type NativeCall } from '../formats/gemini/gemini.ts';
import { isBatchFromFile, modelsIn } from '../formats/gemini/models-in.ts';
import { type NativePath, parseNativePath } from '../formats/gemini/native-path.ts';
import { resourcesIn } from '../formats/gemini/resources-in.ts';
import { uploadsIn } from '../relay/forwarder.ts';
import type { Relay } from '../relay/relay.ts';
import { requestedModelCharactersMax } from '../relay/request-events.ts';
import { askedShape } from './asked-shape.ts';
import { HttpReply } from './http-reply.ts';
import { HttpNativeReply } from './native-reply.ts';
import { readBody } from './read-body.ts';
import { parsePassedOn } from './read-json.ts';
import { recordUnread } from './record-unread.ts';
import { sessionOf } from './session-of.ts';

interface NativeParts {
  /** Lets known clients pass. */
  known: Middleware;
  relay: Relay;
  heartbeatMs: number;
  /** Where the caller reaches us, for addresses in answers. */
  originOf(ctx: Context): string;
}

const shared = /^\/v1\/(?:files|batches)(?:\/|$)/;
const methods = ['GET', 'POST', 'PATCH', 'PUT', 'DELETE'];
const bodyBytesMax = 100_000_000;
/** Where a 404 without a resource is about the model that the body names. */
const modelCreators = new Set(['interactions', 'cachedContents']);

/** What of a native client's headers goes upstream; its key, cookies and where it came from never do. */
const passedHeaders = /^(content-type|x-goog-api-client|x-server-timeout|api-revision|x-goog-upload-[\w-]+)$/;

/** Gemini's own API, passed on: `/v1beta/…`, its other versions, and uploads. */
export function nativeRoutes(parts: NativeParts): Router {
  const router = new Router();
  const { known } = parts;
  const answer = async (ctx: Context) => {
    // Under `/v1` OpenAI has files and batches too, which are not served.
    if (shared.test(ctx.path) && askedShape(ctx.path, ctx.headers, ctx.query) !== 'gemini')
      throw new ApiError(404, 'unknown_url', `Nothing answers ${ctx.method} ${ctx.path} of OpenAI's API.`);
    const path = parseNativePath(ctx.path);
    if (path === null)
      throw new ApiError(404, 'unknown_url', `Gemini's API has no ${ctx.path}, or it is not for clients.`);
    if (path.kind === 'model') await answerModelCall(ctx, path, parts);
    // Of every collection a caller sees only its own.
    else if (/^(GET|HEAD)$/.test(ctx.method) && path.resource === null) await answerList(ctx, path, parts);
    else await forwardCall(ctx, path, parts);
  };
  const paths = ['v1beta', 'v1alpha'].flatMap((version) =>
    ['', '/upload', '/download'].map((before) => `${before}/${version}/:collection{/*rest}`),
  );
  const collections = ['files', 'cachedContents', 'interactions', 'operations', 'batches'];
  for (const path of [...paths, ...collections.map((collection) => `/v1/${collection}{/*rest}`)])
    router.register(path, methods, [known, answer]);
  for (const path of ['/v1/models/{*call}', '/v1/tunedModels/{*call}']) router.post(path, known, answer);
  return router;
}

async function answerModelCall(
  ctx: Context,
  { model, action, version }: Extract<NativePath, { kind: 'model' }>,
  { relay, heartbeatMs }: NativeParts,
): Promise<void> {
  if (ctx.method !== 'POST')
    throw new ApiError(405, 'method_not_allowed', `${ctx.path} takes POST, not ${ctx.method}.`);
  const asked = { format: geminiNative.name, model };
  const { bytes, body } = await readNative(ctx).catch(unread(ctx, relay, asked));
  const call: NativeCall = { model, action, version, query: queryWithoutKey(ctx), body, bytes };
  ctx.respond = false;
  await relay.answer({
    requestId: ctx.state.requestId,
    clientRequestId: ctx.state.clientRequestId,
    clientKeyId: ctx.state.client.id,
    format: geminiNative,
    body: call,
    bodyBytes: bytes.length,
    session: sessionOf(ctx.req),
    reply: new HttpReply(ctx.res, ctx.state.headers, heartbeatMs),
    mayUse: (...names) => mayUse(ctx.state.client, ...names),
    admit: ctx.state.admit,
  });
}

function unread(...[ctx, relay, asked]: [Context, NativeParts['relay'], { format: string; model: string }]) {
  return async (error: unknown): Promise<never> => {
    await recordUnread(ctx, relay, asked, error);
    throw error;
  };
}

async function readNative(ctx: Context) {
  const bytes = await readBody(ctx.req, bodyBytesMax);
  return { bytes, body: parsePassedOn(bytes) };
}

async function forwardCall(
  ctx: Context,
  path: Extract<NativePath, { kind: 'other' }>,
  { relay, originOf }: NativeParts,
): Promise<void> {
  const asked = { format: geminiNative.name, model: path.model ?? '' };
  const { bytes, isJson, body, model } = await readForwarded(ctx, path).catch(unread(ctx, relay, asked));
  ctx.respond = false;
  await relay.forward({
    requestId: ctx.state.requestId,
    clientRequestId: ctx.state.clientRequestId,
    clientKeyId: ctx.state.client.id,
    method: ctx.method,
    path: ctx.path + withMark(queryWithoutKey(ctx)),
    // Read as JSON here, so that it is nothing else there.
    headers: { ...passedOn(ctx), ...(isJson && { 'content-type': 'application/json' }) },
    body: bytes.length > 0 ? bytes : null,
    model: model.slice(0, requestedModelCharactersMax),
    isFromFile: isBatchFromFile(body),
    deletes: ctx.method === 'DELETE' && path.isWhole ? path.resource : null,
    isCreation: path.resource === null && modelCreators.has(path.collection),
    resources: [...(path.resource ? [path.resource] : []), ...uploadsIn(ctx.url), ...resourcesIn(body)],
    reply: new HttpNativeReply(ctx.res, ctx.state.headers, originOf(ctx)),
    mayUse: (...names) => mayUse(ctx.state.client, ...names),
    admit: ctx.state.admit,
    mayUseAll: mayUseAll(ctx.state.client),
  });
}

async function readForwarded(ctx: Context, path: Extract<NativePath, { kind: 'other' }>) {
  const bytes = await readBody(ctx.req, bodyBytesMax);
  // What is uploaded is a file, whatever its type.
  const isJson = bytes.length > 0 && !ctx.path.startsWith('/upload/');
  const body = isJson ? parsePassedOn(bytes) : null;
  const [model = '', other] = new Set([...(path.model ? [path.model] : []), ...modelsIn(body)]);
  if (other !== undefined) throw invalidRequest('The request names more than one model.', 'model');
  return { bytes, isJson, body, model };
}

/** Under which name Google lists what is in a collection, where that is another. */
const listNames: Record<string, string> = { batches: 'operations' };
const pageSizeDefault = 50;
const pageSizeMax = 100;

async function answerList(
  ctx: Context,
  { version, collection }: Extract<NativePath, { kind: 'other' }>,
  { relay }: NativeParts,
): Promise<void> {
  const start = readCount(ctx.query.pageToken, 'pageToken') ?? 0;
  const size = Math.min(readCount(ctx.query.pageSize, 'pageSize') || pageSizeDefault, pageSizeMax);
  const which = { clientKeyId: ctx.state.client.id, version, collection };
  const { resources, next } = await relay.listOwnResources(which, { start, size });
  ctx.body = {
    ...(resources.length > 0 && { [listNames[collection] ?? collection]: resources }),
    ...(next !== null && { nextPageToken: String(next) }),
  };
}

function readCount(text: unknown, name: string): number | undefined {
  if (text === undefined || text === '') return undefined;
  if (typeof text === 'string' && /^\d{1,9}$/.test(text)) return Number(text);
  throw invalidRequest(`\`${name}\` is not one that was given out here.`, name);
}

/**
 * The query as it came, less credentials and the fields by which Google's servers take method, headers or body from the query: what is
 * decided here has to hold there.
 */
function queryWithoutKey(ctx: Context): string {
  const pairs = ctx.querystring
    .split('&')
    .filter((pair) => pair !== '' && !isHidden(querystring.unescape(pair.split('=', 1)[0] ?? '')));
  return pairs.join('&');
}

function isHidden(name: string): boolean {
  return /^(key|access_token|oauth_token)$/i.test(name) || (name.startsWith('$') && name !== '$alt');
}

function withMark(query: string): string {
  return query && `?${query}`;
}

function passedOn(ctx: Context): Record<string, string> {
  const entries = Object.entries(ctx.headers).flatMap(([name, value]) =>
    typeof value === 'string' && passedHeaders.test(name) ? [[name, value] as const] : [],
  );
  return Object.fromEntries(entries);
}
