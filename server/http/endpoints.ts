import type Router from '@koa/router';

/** A path that is answered, as the routers have it. */
export interface Endpoint {
  methods: readonly string[];
  /** With the router's parameters, such as `/v1/models/{*id}`. */
  path: string;
}

/** What clients call, as opposed to the dashboard and its admin API. Takes a normal path. */
export function isApiPath(path: string): boolean {
  return /^\/(?:v1|v1beta|v1alpha|upload|download)(?:\/|$)/.test(path);
}

/** Every API endpoint of the routers. */
export function apiEndpoints(routers: readonly Router[]): Endpoint[] {
  return routers
    .flatMap(({ stack }) => stack)
    .filter(({ methods }) => methods.length > 0)
    .map(({ methods, path }) => ({ methods: methods.filter((method) => method !== 'HEAD'), path: String(path) }))
    .filter(({ path }) => isApiPath(path));
}

/** For people: `GET /v1/models/{id}`. */
export function describeEndpoint({ methods, path }: Endpoint): string {
  const shown = path
    .replace(/\{\/\*\w+\}/g, '/…')
    .replace(/\{\*(\w+)\}|:(\w+)/g, (_all, rest, name) => `{${rest ?? name}}`);
  return `${methods.join('|')} ${shown}`;
}
