import type { Middleware } from 'koa';
import { invalidRequest } from '../formats/api-error.ts';
import type { Endpoint } from './endpoints.ts';

/** A path as the routes know it. */
export interface NormalPath {
  path: string;
  /** The model that an Azure path names; Azure's clients leave it out of the body. */
  model?: string;
}

/**
 * One path for each of the ways in which clients come to write it: they join base URL and endpoint with one slash too many, leave `/v1` out
 * or write it twice, and use the paths of Azure (`/openai/deployments/{model}/…`) or of Google's OpenAI layer (`/v1beta/openai/…`).
 * @param bareNames What follows `/v1/` in our endpoints, such as `chat`; a path that begins with one of these has left `/v1` out.
 */
export function normalPath(path: string, bareNames: ReadonlySet<string>): NormalPath {
  const folded = path.replace(/\/{2,}/g, '/').replace(/(?<=.)\/$/, '');
  const [, deployment, endpoint] = /^\/openai\/deployments\/([^/]+)(\/.+)$/.exec(folded) ?? [];
  if (deployment && endpoint) return { path: `/v1${endpoint}`, model: decoded(deployment) };
  const versioned = folded
    .replace(/^(?:\/v1(?:alpha|beta)?)+(?=\/v1(?:alpha|beta)?\/)/, '')
    .replace(/^(?:\/v1beta)?\/openai(?:\/v1)?(?=\/)/, '/v1');
  const [, first = ''] = versioned.split('/', 2);
  return { path: bareNames.has(first) ? `/v1${versioned}` : versioned };
}

/** The names that may follow `/v1/`. */
export function bareNamesOf(endpoints: readonly Endpoint[]): ReadonlySet<string> {
  return new Set(endpoints.flatMap(({ path }) => /^\/v1\/(\w+)/.exec(path)?.[1] ?? []));
}

/** Lets everything behind it see the normal path. An Azure path's model is put into `ctx.state.pathModel`. */
export function normalizePath(endpoints: readonly Endpoint[]): Middleware {
  const bareNames = bareNamesOf(endpoints);
  const normal = new Set(endpoints.map(({ path }) => path));
  return function rewritePath(ctx, next) {
    if (normal.has(ctx.url)) return next();
    // A proxy's target, `GET http://elsewhere/…`: nothing here is fetched for anybody (and `OPTIONS *` asks for nothing).
    if (!ctx.url.startsWith('/')) throw invalidRequest('The request target has to be a path.', null, 'invalid_url');
    const { path, model } = normalPath(ctx.path, bareNames);
    if (path !== ctx.path) ctx.path = path;
    if (model !== undefined) ctx.state.pathModel = model;
    return next();
  };
}

function decoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}
