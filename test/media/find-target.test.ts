import { describe, expect, test } from 'vitest';
import { settings } from '../../server/config.ts';
import { findTarget, MediaRefused, notFetchable } from '../../server/media/find-target.ts';

const allow = (text: string) => settings.IMAGE_FETCH_ALLOW.parse(text) ?? expect.unreachable(text);
const nothing = settings.IMAGE_FETCH_ALLOW.default;
/** A name server that takes every text for the name of a public host: no form of a private address may get that far. */
const gullible = async () => ['8.8.8.8'];
const addressesOf = async (text: string, resolved: string[], allowed = nothing) =>
  (await findTarget(text, null, allowed, async () => resolved)).addresses;
const refused = new MediaRefused(notFetchable().message);

describe('no form of an address that is not public is fetched', () => {
  test.for([
    // Loopback, in every way to write a number.
    'http://127.0.0.1/',
    'http://127.0.0.1:80/',
    'HTTP://127.0.0.1/',
    'hTTps://127.0.0.1/',
    'http://127.1/',
    'http://127.0.1/',
    'http://127.255.255.254/',
    'http://2130706433/',
    'http://017700000001/',
    'http://0x7f000001/',
    'http://0X7F000001/',
    'http://0177.0.0.1/',
    'http://0x7f.0.0.1/',
    'http://0x7f.1/',
    'http://0177.0x0.0.1/',
    'http://00000177.0.0.01/',
    'http://127.0.0.1./',
    'http://%31%32%37.0.0.1/',
    'http://127%2E0%2E0%2E1/',
    'http://127。0。0。1/',
    'http://127.0.0。1/',
    'http://①②⑦.⓪.⓪.①/',
    'http://１２７.0.0.1/',
    ' http://127.0.0.1/ ',
    'http:\\\\127.0.0.1\\',
    'http:127.0.0.1/',
    'http:///127.0.0.1/',
    'ht\ntp://127.0.0.1/',
    'http://127.0\t.0.1/',
    'http://127.0.0.1#@example.com/',
    'http://127.0.0.1\\@example.com/',
    // This host, and the rest of IPv4 that is not the internet.
    'http://0/',
    'http://0.0.0.0/',
    'http://0.1.2.3/',
    'http://10.0.0.1/',
    'http://167772161/',
    'http://100.64.0.1/',
    'http://100.127.255.255/',
    'http://169.254.169.254/latest/meta-data/',
    'http://2852039166/',
    'http://0xa9.0xfe.0xa9.0xfe/',
    'http://0251.0376.0251.0376/',
    'http://172.16.0.1/',
    'http://172.31.255.255/',
    'http://192.0.0.8/',
    'http://192.0.2.1/',
    'http://192.88.99.1/',
    'http://192.168.0.1/',
    'http://198.18.0.1/',
    'http://198.19.255.255/',
    'http://198.51.100.1/',
    'http://203.0.113.1/',
    'http://224.0.0.1/',
    'http://239.255.255.250/',
    'http://240.0.0.1/',
    'http://255.255.255.255/',
    // IPv6, and IPv4 inside it.
    'http://[::]/',
    'http://[::1]/',
    'http://[0:0:0:0:0:0:0:1]/',
    'http://[0000::0001]/',
    'http://[::ffff:127.0.0.1]/',
    'http://[::ffff:7f00:1]/',
    'http://[::FFFF:A9FE:A9FE]/',
    'http://[0:0:0:0:0:ffff:a00:1]/',
    'http://[::127.0.0.1]/',
    'http://[::7f00:1]/',
    'http://[64:ff9b::127.0.0.1]/',
    'http://[64:ff9b::a9fe:a9fe]/',
    'http://[64:ff9b:1::a00:1]/',
    'http://[100::1]/',
    'http://[2001::1]/',
    'http://[2001:0:7f00:1::]/',
    'http://[2001:db8::1]/',
    'http://[2002:7f00:1::]/',
    'http://[2002:a9fe:a9fe::1]/',
    'http://[3fff::1]/',
    'http://[5f00::1]/',
    'http://[fc00::1]/',
    'http://[fd00:ec2::254]/',
    'http://[fe80::1]/',
    'http://[fe80::1%25eth0]/',
    'http://[fec0::1]/',
    'http://[ff02::1]/',
    // Wrong in another way, with a public host.
    'http://8.8.8.8:8080/',
    'https://8.8.8.8:22/',
    'http://public.example:0/',
    'http://user@public.example/',
    'http://user:password@public.example/',
    'http://:password@public.example/',
    'http://127.0.0.1@public.example/',
    'ftp://public.example/',
    'file:///etc/passwd',
    'gopher://public.example/',
    'data:image/png;base64,iVBORw0KGgo=',
    'javascript:alert(1)',
    '//public.example/',
    '/picture.png',
    'public.example/picture.png',
    'http://',
    'http://256.0.0.1/',
    'http://1.2.3.4.5/',
    'http://public example/',
    '',
    `http://public.example/${'a'.repeat(20_000)}`,
  ])('%j', async (text) => {
    await expect(findTarget(text, null, nothing, gullible)).rejects.toEqual(refused);
  });
});

describe('a public address is fetched at itself', () => {
  test.for([
    ['http://8.8.8.8/', '8.8.8.8'],
    ['HTTPS://8.8.8.8:443/', '8.8.8.8'],
    ['http://8.8.8.8:443/', '8.8.8.8'],
    ['http://134744072/', '8.8.8.8'],
    ['http://010.8.8.8/', '8.8.8.8'],
    ['http://100.128.0.1/', '100.128.0.1'],
    ['http://172.32.0.1/', '172.32.0.1'],
    ['http://[2606:4700:4700::1111]/', '2606:4700:4700::1111'],
    ['http://[::ffff:8.8.8.8]/', '::ffff:808:808'],
    ['http://@8.8.8.8/', '8.8.8.8'],
  ])('%s', async ([text, address]) => {
    await expect(addressesOf(text as string, [])).resolves.toEqual([address]);
  });
});

describe('a host name', () => {
  test('is fetched at the addresses it resolved to', async () => {
    const addresses = ['8.8.8.8', '2606:4700:4700::1111'];
    await expect(addressesOf('https://public.example/', addresses)).resolves.toEqual(addresses);
  });

  test('is resolved in the form in which it is connected to', async () => {
    const asked: string[] = [];
    const resolve = async (host: string) => {
      asked.push(host);
      return ['8.8.8.8'];
    };
    await findTarget('http://BÜCHER.example。/', null, nothing, resolve);
    expect(asked).toEqual(['xn--bcher-kva.example.']);
  });

  test.for([
    ['one private address among public ones', ['8.8.8.8', '10.0.0.1', '9.9.9.9']],
    ['one private IPv6 address', ['8.8.8.8', '::1']],
    ['a private address in IPv6 clothes', ['::ffff:7f00:1']],
    ['a link-local address with its zone', ['fe80::1%eth0']],
    ['a public address with a zone', ['2606:4700::1%eth0']],
    ['no address', []],
    ['something that is no address', ['8.8.8.8', 'localhost']],
  ] as const)('is refused for %s', async ([, addresses]) => {
    await expect(addressesOf('http://name.example/', [...addresses])).rejects.toEqual(refused);
  });

  test('is refused in the same words when it is unknown', async () => {
    const unknown = () => Promise.reject(new Error('getaddrinfo ENOTFOUND name.example'));
    await expect(findTarget('http://name.example/', null, nothing, unknown)).rejects.toEqual(refused);
  });
});

describe('the allow-list', () => {
  test.for([
    ['localhost', 'http://localhost:9000/a.png', ['127.0.0.1', '::1']],
    ['MinIO.internal', 'http://minio.INTERNAL./a.png', ['10.0.0.5']],
    ['bücher.internal', 'http://xn--bcher-kva.internal/a.png', ['10.0.0.5']],
    ['10.0.0.5', 'http://10.0.0.5:9000/a.png', ['10.0.0.5']],
    ['10.0.0.5', 'http://[::ffff:a00:5]:9000/a.png', ['::ffff:a00:5']],
    ['10.0.0.5', 'http://minio.internal:9000/a.png', ['10.0.0.5']],
    ['other.internal, 10.0.0.0/24', 'http://minio.internal/a.png', ['10.0.0.5', '10.0.0.6']],
    ['fd00::/8', 'http://[fd00::5]:9000/a.png', ['fd00::5']],
    ['minio.internal', 'http://public.example/a.png', ['8.8.8.8']],
  ] as const)('%s permits %s', async ([allowed, text, addresses]) => {
    await expect(addressesOf(text, [...addresses], allow(allowed))).resolves.toEqual(addresses);
  });

  test.for([
    ['minio.internal', 'http://sub.minio.internal/', ['10.0.0.5']],
    ['minio.internal', 'http://minio.internal.example/', ['10.0.0.5']],
    ['minio.internal', 'ftp://minio.internal/', ['10.0.0.5']],
    ['minio.internal', 'http://user@minio.internal/', ['10.0.0.5']],
    ['minio.internal', 'http://minio.internal/', []],
    ['10.0.0.5', 'http://10.0.0.6/', []],
    ['10.0.0.0/24', 'http://minio.internal/', ['10.0.0.5', '10.0.1.5']],
    ['10.0.0.0/24', 'http://mixed.example:9000/', ['10.0.0.5', '8.8.8.8']],
    ['10.0.0.0/24', 'http://public.example:9000/', ['8.8.8.8']],
  ] as const)('%s does not permit %s', async ([allowed, text, addresses]) => {
    await expect(addressesOf(text, [...addresses], allow(allowed))).rejects.toEqual(refused);
  });
});
