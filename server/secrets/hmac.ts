import { hash } from 'node:crypto';

const blockBytes = 64;

/**
 * HMAC-SHA-256 (RFC 2104) with a key of at most 64 bytes, as base64url. It is on the way of every request: two one-shot hashes take
 * 1.5 µs, node's stateful `createHmac` 10 µs.
 */
export function createFastHmac(key: Buffer): (text: string) => string {
  const inner = padded(key, 0x36);
  const outer = padded(key, 0x5c);
  return (text) => {
    const innerHash = hash('sha256', Buffer.concat([inner, Buffer.from(text)]), 'buffer');
    return hash('sha256', Buffer.concat([outer, innerHash]), 'base64url');
  };
}

function padded(key: Buffer, pad: number): Buffer {
  return Buffer.alloc(blockBytes, pad).map((byte, index) => byte ^ (key[index] ?? 0)) as Buffer;
}
