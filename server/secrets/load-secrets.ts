import { randomBytes } from 'node:crypto';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { createVault } from './vault.ts';

const canaryText = 'gemini-pool';

/** The encryption key is not the one that this data folder was made with. */
export class WrongEncryptionKey extends Error {
  override name = 'WrongEncryptionKey';
}

/**
 * The secrets from the settings, or generated into the data folder for whoever sets none.
 * @throws WrongEncryptionKey before anything could be encrypted with a second key.
 */
export function loadSecrets(dataDir: string, given: { jwtSecret: string | null; encryptionKey: Buffer | null }) {
  mkdirSync(dataDir, { recursive: true });
  const jwtSecret = given.jwtSecret ?? readOrMake(join(dataDir, 'jwt-secret'));
  const encryptionKey = given.encryptionKey ?? Buffer.from(readOrMake(join(dataDir, 'encryption-key')), 'hex');
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

function readOrMake(file: string, make = () => randomBytes(32).toString('hex')): string {
  try {
    return readFileSync(file, 'utf8').trim();
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
    const text = make();
    writeFileSync(file, text, { mode: 0o600, flag: 'wx' });
    return text;
  }
}
