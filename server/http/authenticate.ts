import type { IncomingMessage } from 'node:http';
import type { Middleware } from 'koa';
import type { Clients } from '../clients/clients.ts';
import { ApiError } from '../formats/api-error.ts';

/** Lets only known and enabled client keys pass and puts the client into `ctx.state.client`. Runs before the body is read. */
export function authenticate(clients: Pick<Clients, 'find'>): Middleware {
  return function authenticateClient(ctx, next) {
    const secret = presentedSecret(ctx.req, ctx.query.key);
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
function presentedSecret(request: IncomingMessage, fromQuery: string | string[] | undefined): string {
  const { headers } = request;
  const bearer = /^bearer\s+(.*)$/is.exec(headers.authorization ?? '')?.[1];
  const places = [bearer, headers['x-api-key'], headers['api-key'], headers['x-goog-api-key'], fromQuery];
  for (const place of places) {
    const text = (Array.isArray(place) ? place[0] : place)?.trim();
    if (text) return text;
  }
  return '';
}

function unauthorized(message: string): ApiError {
  return new ApiError(401, 'invalid_api_key', message);
}
