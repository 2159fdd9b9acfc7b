import { randomBytes } from 'node:crypto';
import { mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { createVault } from './vault.ts';

const canaryText = 'gemini-pool';

/** The encryption key is not the one that this data folder was made with. */
export class WrongEncryptionKey extends Error {
  override name = 'WrongEncryptionKey';
}

/** A generated secret cannot be used; an empty or cut one would be a key that anybody can guess. */
export class DamagedSecret extends Error {
  override name = 'DamagedSecret';
}

/**
 * The secrets from the settings, or generated into the data folder for whoever sets none.
 * @throws WrongEncryptionKey before anything could be encrypted with a second key.
 * @throws DamagedSecret
 */
export function loadSecrets(dataDir: string, given: { jwtSecret: string | null; encryptionKey: Buffer | null }) {
  mkdirSync(dataDir, { recursive: true });
  const jwtSecret = given.jwtSecret ?? readOrMakeKey(join(dataDir, 'jwt-secret'));
  const encryptionKey = given.encryptionKey ?? Buffer.from(readOrMakeKey(join(dataDir, 'encryption-key')), 'hex');
  const vault = createVault(encryptionKey);
  const canaryFile = join(dataDir, 'encryption-canary');
  try {
    vault.open(
      readOrMake(canaryFile, () => vault.seal(canaryText, 'canary')),
      'canary',
    );
  } catch {
    throw new WrongEncryptionKey(
      `ENCRYPTION_KEY is not the key that the data in ${dataDir} was encrypted with. Set that one, or another DATA_DIR.`,
    );
  }
  return { jwtSecret, vault };
}

function readOrMakeKey(file: string): string {
  const key = readOrMake(file, () => randomBytes(32).toString('hex'));
  if (/^[0-9a-f]{64}$/i.test(key)) return key;
  throw new DamagedSecret(`${file} should hold 64 hex digits and does not. Restore it from a copy.`);
}

function readOrMake(file: string, make: () => string): string {
  try {
    return readFileSync(file, 'utf8').trim();
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
    const text = make();
    // Whole and on disk before it has its name: what is sealed with a key must not outlive the key.
    const draft = `${file}.new`;
    writeFileSync(draft, text, { mode: 0o600, flush: true });
    renameSync(draft, file);
    return text;
  }
}
