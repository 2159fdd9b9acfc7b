import { expect, test } from 'vitest';
import { checkProxyUrl, maskProxy } from '../../server/gemini/proxy-url.ts';

test.each([
  ['http://host:3128', 'http://host:3128/'],
  ['https://host', 'https://host/'],
  ['HTTP://me:100%25@host', 'http://me:100%25@host/'],
  ['socks5://me:secret@[::1]:1080/', 'socks5://me:secret@[::1]:1080/'],
])('the address of a proxy may be %s', (text, url) => {
  expect(checkProxyUrl(text)).toEqual({ url });
});

test.each([
  ['host:3128', /begins with http/],
  ['ftp://host', /begins with http/],
  ['socks4://host', /begins with http/],
  ['http://', /has a host/],
  ['socks5://:1080', /has a host/],
  ['http://host:65536', /a port from 1 to 65535/],
  ['http://host:0', /a port from 1 to 65535/],
  ['http://host/path', /ends after its port/],
  ['http://host?x=1', /ends after its port/],
  ['http://:secret@host', /there is a name/],
  ['http://me:50%@host', /written as %25/],
  [`http://${'h'.repeat(500)}`, /at most 500 characters/],
])('the address of a proxy may not be %s', (text, problem) => {
  expect(checkProxyUrl(text)).toEqual({ problem: expect.stringMatching(problem) });
});

test.each([
  ['http://me:secret@host:3128', 'http://host:3128'],
  ['https://me@host', 'https://host:443'],
  ['socks5://me:secret@host', 'socks5://host:1080'],
])('%s is shown without name and password', (url, shown) => {
  expect(maskProxy(url)).toBe(shown);
});
