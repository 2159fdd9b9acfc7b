import type { IncomingMessage } from 'node:http';
import { BlockList, isIP } from 'node:net';
import type { Context, Middleware } from 'koa';
import type { Client, Clients } from '../clients/clients.ts';
import type { Need } from '../clients/limits/admit.ts';
import type { Admission, Limiter } from '../clients/limits/limiter.ts';
import { hasLimits } from '../clients/limits/terms.ts';
import type { TrustedProxies } from '../config.ts';
import { ApiError } from '../formats/api-error.ts';
import { clientAddress } from './client-address.ts';
import { limitError } from './limit-error.ts';

export interface ClientParts {
  clients: Pick<Clients, 'find'>;
  limiter: Pick<Limiter, 'admit' | 'headers'>;
  trustedProxies: TrustedProxies;
  /** Wall clock, ms since 1970. */
  now(): number;
}

/**
 * Lets only those pass who have a client key that may be used, now and from where they are, and puts the client into `ctx.state.client` and
 * what decides on its limits into `ctx.state.admit` (null for none). Runs before the body is read.
 */
export function knownClient({ clients, limiter, trustedProxies, now }: ClientParts): Middleware {
  return function findClient(ctx, next) {
    const secret = presentedSecret(ctx.req) || secretInQuery(ctx.query.key);
    if (!secret) {
      throw unauthorized(
        'No client key was sent. Send one as "Authorization: Bearer gp_…"; the dashboard creates them.',
      );
    }
    const client = clients.find(secret);
    if (!client) throw unauthorized('This client key is not known here. Check it, or create one in the dashboard.');
    if (!client.isEnabled) throw unauthorized('This client key is switched off.');
    requireTerms(client, ctx, trustedProxies, now());
    ctx.state.client = client;
    ctx.state.admit = hasLimits(client.terms) ? admission(client, ctx, limiter) : null;
    if (ctx.state.admit) Object.assign(ctx.state.headers, limiter.headers(client));
    return next();
  };
}

/** Nearly all keys have no such terms, so that this costs a few comparisons. */
function requireTerms({ terms }: Client, ctx: Context, trusted: TrustedProxies, nowMs: number): void {
  const { expiresAt, allowedAddresses, allowedOrigins } = terms;
  if (expiresAt !== null && nowMs >= expiresAt)
    throw unauthorized(`This client key expired at ${new Date(expiresAt).toISOString()}.`);
  if (allowedAddresses && !isWithin(clientAddress(ctx.req, trusted), allowedAddresses))
    throw forbidden('This client key may not be used from your address.');
  const { origin } = ctx.headers;
  if (allowedOrigins && origin !== undefined && !allowedOrigins.includes(origin))
    throw forbidden('This client key may not be used by pages of this origin.');
}

function admission(client: Client, ctx: Context, limiter: ClientParts['limiter']) {
  return (need: Need): Admission => {
    const decision = limiter.admit(client, need);
    Object.assign(ctx.state.headers, limiter.headers(client));
    if ('kind' in decision) throw limitError(decision);
    return decision;
  };
}

const rangesOf = new WeakMap<readonly string[], BlockList>();

function isWithin(address: string, allowed: readonly string[]): boolean {
  const ranges = rangesOf.get(allowed) ?? readRanges(allowed);
  rangesOf.set(allowed, ranges);
  return ranges.check(address, isIP(address) === 6 ? 'ipv6' : 'ipv4');
}

function readRanges(allowed: readonly string[]): BlockList {
  const ranges = new BlockList();
  for (const range of allowed) {
    const [address = '', bits] = range.split('/');
    const family = isIP(address) === 6 ? 'ipv6' : 'ipv4';
    if (bits === undefined) ranges.addAddress(address, family);
    else ranges.addSubnet(address, Number(bits), family);
  }
  return ranges;
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

function forbidden(message: string): ApiError {
  return new ApiError(403, 'permission_denied', message, { shouldRetry: false });
}
