import { existsSync, rmSync, statfsSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';

const reserveBytes = 16 * 1024 * 1024;
const roomMin = 4 * reserveBytes;
const makeAfterMs = 5000;

/** A file that takes room until the disk is full: then it goes, so that what runs can still be told to its end. */
export interface DiskReserve {
  /** @returns false when there is none left to give */
  release(): boolean;
}

/** Beside the database. Made a little after the start, which it does not hold up, and only if there is ample room. */
export function createDiskReserve(databaseFile: string): DiskReserve {
  const file = `${databaseFile}.reserve`;
  setTimeout(make, makeAfterMs).unref();

  function make(): void {
    try {
      const { bavail, bsize } = statfsSync(dirname(databaseFile));
      // Bytes that were written, not a hole: a hole would take no room.
      if (!existsSync(file) && bavail * bsize > roomMin) writeFileSync(file, Buffer.alloc(reserveBytes, 1));
    } catch {
      // There is none then.
    }
  }

  return {
    release() {
      if (!existsSync(file)) return false;
      rmSync(file);
      return true;
    },
  };
}
