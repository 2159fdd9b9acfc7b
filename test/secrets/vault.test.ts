import { randomBytes } from 'node:crypto';
import { expect, test } from 'vitest';
import { createVault, maskKey } from '../../server/secrets/vault.ts';

const vault = createVault(randomBytes(32));

test('opens what it sealed, for the same row', () => {
  const sealed = vault.seal('AIzaSecret', 'upstream_key:1');
  expect(sealed).not.toContain('AIzaSecret');
  expect(vault.open(sealed, 'upstream_key:1')).toBe('AIzaSecret');
});

test('seals the same text differently each time', () => {
  expect(vault.seal('same', 'row')).not.toBe(vault.seal('same', 'row'));
});

test('does not open a text that was moved to another row', () => {
  const sealed = vault.seal('AIzaSecret', 'upstream_key:1');
  expect(() => vault.open(sealed, 'upstream_key:2')).toThrow();
});

test('does not open a text that was changed, cut short or sealed with another key', () => {
  const sealed = vault.seal('AIzaSecret', 'row');
  const changed = Buffer.from(sealed, 'base64');
  changed[changed.length - 1] = (changed.at(-1) ?? 0) ^ 1;
  expect(() => vault.open(changed.toString('base64'), 'row')).toThrow();
  expect(() => vault.open(sealed.slice(0, 20), 'row')).toThrow();
  expect(() => vault.open('', 'row')).toThrow();
  expect(() => createVault(randomBytes(32)).open(sealed, 'row')).toThrow();
});

test('fingerprints tell equal texts, but not across purposes or keys', () => {
  const fingerprint = vault.fingerprint('client-key', 'secret');
  expect(vault.fingerprint('client-key', 'secret')).toBe(fingerprint);
  expect(vault.fingerprint('client-key', 'secret2')).not.toBe(fingerprint);
  expect(vault.fingerprint('upstream-key', 'secret')).not.toBe(fingerprint);
  expect(createVault(randomBytes(32)).fingerprint('client-key', 'secret')).not.toBe(fingerprint);
});

test('a mask shows enough to recognise a key and no more', () => {
  expect(maskKey('AIzaSyA1234567890123456789012345678x7Qp')).toBe('AIza…x7Qp');
  expect(maskKey('short-key')).toBe('sh…');
});
