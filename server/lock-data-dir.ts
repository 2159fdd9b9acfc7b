import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';

/** Another process works in the data folder. */
export class DataDirInUse extends Error {
  override name = 'DataDirInUse';
}

/**
 * Takes the data folder for this process: two writers would each believe that they alone append to the ledger. The lock is SQLite's on a
 * small file, which the system releases however the process ends.
 * @returns Gives it back.
 * @throws DataDirInUse
 */
export function lockDataDir(dataDir: string): () => void {
  mkdirSync(dataDir, { recursive: true });
  const lock = new DatabaseSync(join(dataDir, 'lock'));
  try {
    lock.exec('begin exclusive');
  } catch (error) {
    lock.close();
    if (!/locked/.test((error as Error).message)) throw error;
    throw new DataDirInUse(`Another gemini-pool works in ${dataDir}. Stop it first, or set another DATA_DIR.`);
  }
  return () => lock.close();
}
