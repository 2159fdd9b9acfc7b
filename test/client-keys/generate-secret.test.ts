import { crc32 } from 'node:zlib';
import { expect, test } from 'vitest';
import { generateSecret } from '../../server/clients/generate-secret.ts';

const alphabet = '0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz';

test('a made secret has its prefix, 32 random characters and their checksum', () => {
  const secrets = Array.from({ length: 200 }, generateSecret);
  expect(new Set(secrets).size).toBe(200);
  for (const secret of secrets) {
    const [, body = '', checksum = ''] = /^gp_([0-9A-Za-z]{32})([0-9A-Za-z]{6})$/.exec(secret) ?? [];
    const number = [...checksum].reduce((sum, character) => sum * 62 + alphabet.indexOf(character), 0);
    expect(number).toBe(crc32(body));
  }
});
