import { statfs } from 'node:fs/promises';

const everyMs = 5000;
const bytesMin = 256 * 1024 * 1024;
/** Of a small disk. */
const shareMin = 0.05;

/** Looks how much room there is: with too little nothing new is begun. */
export interface DiskWatch {
  isLow(): boolean;
  stop(): void;
}

/**
 * @param folder Of the database.
 * @param onChange Told when it has become low, or is no longer.
 */
export function watchDisk(folder: string, onChange: (isLow: boolean, bytesFree: number) => void): DiskWatch {
  let isLow = false;
  async function look(): Promise<void> {
    const { bavail, blocks, bsize } = await statfs(folder);
    const bytesFree = bavail * bsize;
    const wasLow = isLow;
    isLow = isTooLittle(bytesFree, blocks * bsize);
    if (isLow !== wasLow) onChange(isLow, bytesFree);
  }
  // A folder that cannot be looked at is told of by whoever writes into it.
  const timer = setInterval(() => void look().catch(() => {}), everyMs);
  timer.unref();
  void look().catch(() => {});
  return { isLow: () => isLow, stop: () => clearInterval(timer) };
}

/** Below 256 MiB, or below a twentieth of a small disk. */
export function isTooLittle(bytesFree: number, bytesInAll: number): boolean {
  return bytesFree < Math.min(bytesMin, bytesInAll * shareMin);
}
