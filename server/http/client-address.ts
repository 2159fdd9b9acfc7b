import type { IncomingMessage } from 'node:http';
import { isIP } from 'node:net';
import type { TrustedProxies } from '../config.ts';

/**
 * The caller's address. `X-Forwarded-For` counts only as far as trusted proxies wrote it: read from its right end, past the given
 * number of hops or past every trusted address.
 */
export function clientAddress(request: IncomingMessage, trusted: TrustedProxies): string {
  const peer = plainAddress(request.socket.remoteAddress ?? '');
  const forwarded = String(request.headers['x-forwarded-for'] ?? '')
    .split(',')
    .map((entry) => plainAddress(entry.trim()))
    .filter((entry) => isIP(entry) !== 0);
  const chain = [...forwarded, peer];
  if ('hops' in trusted) return chain.at(-1 - Math.min(trusted.hops, chain.length - 1)) ?? peer;
  return chain.findLast((address) => !isTrusted(address, trusted)) ?? chain[0] ?? peer;
}

/** Whether the caller reached us, or the trusted proxy in front, by TLS. */
export function isSecure(request: IncomingMessage, trusted: TrustedProxies): boolean {
  if ('encrypted' in request.socket) return true;
  const peer = plainAddress(request.socket.remoteAddress ?? '');
  const isFromProxy = 'hops' in trusted ? trusted.hops > 0 : isTrusted(peer, trusted);
  return isFromProxy && request.headers['x-forwarded-proto'] === 'https';
}

function isTrusted(address: string, trusted: Exclude<TrustedProxies, { hops: number }>): boolean {
  return trusted.ranges.check(address, isIP(address) === 6 ? 'ipv6' : 'ipv4');
}

/** An IPv4 address that arrived on an IPv6 socket, without its `::ffff:` prefix. */
function plainAddress(address: string): string {
  return address.replace(/^::ffff:(?=\d+\.)/i, '');
}
