import { lookup } from 'node:dns/promises';
import { isIP } from 'node:net';
import type { MediaAllow } from '../config.ts';
import { isGlobalAddress } from './global-address.ts';

/** What may be fetched, and the IP addresses that were checked for it: connect to these and to no other. */
export interface Target {
  url: URL;
  addresses: readonly string[];
}

/** Every IPv4 and IPv6 address of a host name. */
export type Resolve = (host: string) => Promise<readonly string[]>;

/** Why nothing was fetched, as a sentence for the caller. */
export class MediaRefused extends Error {
  override name = 'MediaRefused';
}

const addressCharactersMax = 16_384;
const usualPorts = ['', '80', '443'];

/** As the machine resolves names elsewhere, with `/etc/hosts`, so that container names on the allow-list work. */
export const resolveBySystem: Resolve = async (host) =>
  (await lookup(host, { all: true })).map(({ address }) => address);

/**
 * The one refusal for all that happens before a permitted host has answered: a malformed address, a wrong scheme or port, a name that is
 * unknown or private, a connection refused or silent. Were they told apart, callers could map the network around the gateway with it:
 * which names exist inside, which hosts are up, which ports are open. The time it takes tells no more: what is not permitted is never
 * connected to.
 */
export function notFetchable(): MediaRefused {
  return new MediaRefused(
    'The address cannot be fetched. It must be http or https on port 80 or 443, without user name, of a public host that answers in time.',
  );
}

/**
 * Reads an address, resolves its host and decides whether it may be fetched. The WHATWG parser is the only one: it turns `2130706433`,
 * `0x7f.1` and `127。0。0。1` into `127.0.0.1`, and what it returns is what is connected to.
 * @param base Against which a redirect's address may be relative. @throws MediaRefused
 */
export async function findTarget(text: string, base: URL | null, allow: MediaAllow, resolve: Resolve): Promise<Target> {
  if (text.length > addressCharactersMax) throw notFetchable();
  const url = URL.parse(text, base ?? undefined);
  if (!url || !/^https?:$/.test(url.protocol) || url.username !== '' || url.password !== '') throw notFetchable();
  const host = url.hostname.replace(/^\[|\]$/g, '');
  const addresses = isIP(host) ? [host] : await resolve(host).catch(() => []);
  if (!mayFetch(host, url.port, addresses, allow)) throw notFetchable();
  return { url, addresses };
}

/**
 * One address that is neither public nor allowed spoils the host: which of them is connected to is not ours to say. The allow-list
 * trusts a host by name whatever it resolves to, and frees it from the usual ports.
 */
function mayFetch(host: string, port: string, addresses: readonly string[], allow: MediaAllow): boolean {
  if (addresses.length === 0 || !addresses.every((address) => isIP(address))) return false;
  const isAllowed = (address: string) => allow.ranges.check(address, isIP(address) === 6 ? 'ipv6' : 'ipv4');
  if (allow.hosts.has(host.replace(/\.$/, '')) || addresses.every(isAllowed)) return true;
  return usualPorts.includes(port) && addresses.every(isGlobalAddress);
}
