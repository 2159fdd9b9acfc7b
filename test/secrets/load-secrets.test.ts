import { randomBytes } from 'node:crypto';
import { readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { isKnownExample } from '../../server/secrets/known-examples.ts';
import { DamagedSecret, loadSecrets, WrongEncryptionKey } from '../../server/secrets/load-secrets.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';

const nothing = { jwtSecret: null, encryptionKey: null };

test('makes what is not set, readable by nobody else, and finds it again', () => {
  const folder = temporaryFolder();
  const first = loadSecrets(folder, nothing);
  const sealed = first.vault.seal('text', 'row');
  const second = loadSecrets(folder, nothing);
  expect(second.jwtSecret).toBe(first.jwtSecret);
  expect(second.vault.open(sealed, 'row')).toBe('text');
  for (const file of readdirSync(folder)) expect(statSync(join(folder, file)).mode & 0o077).toBe(0);
});

test('uses what is set and writes none of it to disk', () => {
  const folder = temporaryFolder();
  const encryptionKey = randomBytes(32);
  const jwtSecret = 'j'.repeat(32);
  expect(loadSecrets(folder, { jwtSecret, encryptionKey }).jwtSecret).toBe(jwtSecret);
  expect(readdirSync(folder)).toEqual(['encryption-canary']);
  const stored = readFileSync(join(folder, 'encryption-canary'), 'utf8');
  expect(stored).not.toContain(encryptionKey.toString('hex'));
});

test('refuses an encryption key that is not the one of the data', () => {
  const folder = temporaryFolder();
  loadSecrets(folder, { ...nothing, encryptionKey: randomBytes(32) });
  expect(() => loadSecrets(folder, { ...nothing, encryptionKey: randomBytes(32) })).toThrow(WrongEncryptionKey);
});

test.each(['encryption-key', 'jwt-secret'])('refuses an empty or damaged file %s', (name) => {
  for (const content of ['', 'abc', 'z'.repeat(64)]) {
    const folder = temporaryFolder();
    writeFileSync(join(folder, name), content);
    expect(() => loadSecrets(folder, nothing)).toThrow(DamagedSecret);
  }
});

test('knows the secrets that stand in documents', () => {
  expect(isKnownExample('default_jwt_secret_change_in_production')).toBe(true);
  expect(isKnownExample(' Your_JWT_secret_here ')).toBe(true);
  expect(isKnownExample(randomBytes(32).toString('hex'))).toBe(false);
});
