import type { IncomingMessage } from 'node:http';
import { BlockList } from 'node:net';
import { expect, test } from 'vitest';
import { clientAddress, isSecure } from '../../server/http/client-address.ts';

const request = (peer: string, forwarded?: string, proto?: string) =>
  ({
    socket: { remoteAddress: peer },
    headers: { 'x-forwarded-for': forwarded, 'x-forwarded-proto': proto },
  }) as unknown as IncomingMessage;
const ranges = new BlockList();
ranges.addSubnet('10.0.0.0', 8, 'ipv4');

test('without trusted proxies the peer is the caller, whatever it claims', () => {
  expect(clientAddress(request('203.0.113.9', '1.2.3.4'), { hops: 0 })).toBe('203.0.113.9');
  expect(isSecure(request('203.0.113.9', undefined, 'https'), { hops: 0 })).toBe(false);
});

test('as many hops are believed as there are proxies', () => {
  const forwarded = request('10.0.0.1', '6.6.6.6, 198.51.100.7, 10.0.0.2');
  expect(clientAddress(forwarded, { hops: 1 })).toBe('10.0.0.2');
  expect(clientAddress(forwarded, { hops: 2 })).toBe('198.51.100.7');
});

test('the last address that is no trusted proxy is the caller', () => {
  expect(clientAddress(request('::ffff:10.0.0.1', '6.6.6.6, 198.51.100.7, 10.0.0.2'), { ranges })).toBe('198.51.100.7');
  expect(isSecure(request('10.0.0.1', '198.51.100.7', 'https'), { ranges })).toBe(true);
});
