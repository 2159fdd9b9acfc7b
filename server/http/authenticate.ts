import type { IncomingMessage } from 'node:http';
import type { Middleware } from 'koa';
import type { Clients } from '../clients/clients.ts';
import { ApiError } from '../formats/api-error.ts';

/** Lets only known and enabled client keys pass and puts the client into `ctx.state.client`. Runs before the body is read. */
export function authenticate(clients: Pick<Clients, 'find'>): Middleware {
  return function authenticateClient(ctx, next) {
    const secret = presentedSecret(ctx.req) || secretInQuery(ctx.query.key);
    if (!secret) {
      throw unauthorized(
        'No client key was sent. Send one as "Authorization: Bearer gp_…"; the dashboard creates them.',
      );
    }
    const client = clients.find(secret);
    if (!client) throw unauthorized('This client key is not known here. Check it, or create one in the dashboard.');
    if (!client.isEnabled) throw unauthorized('This client key is switched off.');
    ctx.state.client = client;
    return next();
  };
}

/** The key in the first place that has one: each client library has its own habit (OpenAI, Azure, Anthropic, Google). */
function presentedSecret({ headers }: IncomingMessage): string {
  const bearer = /^bearer\s+(.*)$/is.exec(headers.authorization ?? '')?.[1];
  for (const place of [bearer, headers['x-api-key'], headers['api-key'], headers['x-goog-api-key']]) {
    const text = (Array.isArray(place) ? place[0] : place)?.trim();
    if (text) return text;
  }
  return '';
}

/** Google's oldest clients put it into the address. */
function secretInQuery(key: string | string[] | undefined): string {
  return (Array.isArray(key) ? key[0] : key)?.trim() ?? '';
}

function unauthorized(message: string): ApiError {
  return new ApiError(401, 'invalid_api_key', message);
}
