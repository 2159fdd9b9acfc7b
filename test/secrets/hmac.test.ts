import { createHmac } from 'node:crypto';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { createFastHmac } from '../../server/secrets/hmac.ts';

test("gives what node's own HMAC gives, for any key up to a block and any text", () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 64 }), fc.string({ unit: 'grapheme' }), (bytes, text) => {
      const key = Buffer.from(bytes);
      expect(createFastHmac(key)(text)).toBe(createHmac('sha256', key).update(text).digest('base64url'));
    }),
  );
});
