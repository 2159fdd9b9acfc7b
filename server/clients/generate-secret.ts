import { randomInt } from 'node:crypto';
import { crc32 } from 'node:zlib';

const alphabet = '0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz';
const bodyCharacters = 32;
const checksumCharacters = 6;

/** A new client key: `gp_`, 32 random characters, and 6 of checksum by which scanners of leaked secrets recognise it. */
export function generateSecret(): string {
  const body = Array.from({ length: bodyCharacters }, () => alphabet[randomInt(alphabet.length)]).join('');
  return `gp_${body}${checksum(body)}`;
}

/** CRC-32 in base 62. */
function checksum(body: string): string {
  let rest = crc32(body);
  let text = '';
  for (let index = 0; index < checksumCharacters; index++) {
    text = alphabet[rest % alphabet.length] + text;
    rest = Math.floor(rest / alphabet.length);
  }
  return text;
}
