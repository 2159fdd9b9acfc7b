import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { onTestFinished } from 'vitest';

/** A new folder that is removed when the test ends. @param atEnd For a folder that several tests share. */
export function temporaryFolder(atEnd: AtEnd = onTestFinished): string {
  const folder = mkdtempSync(join(tmpdir(), 'gemini-pool-'));
  atEnd(() => rmSync(folder, { recursive: true, force: true }));
  return folder;
}

/** Takes what is to be done when nobody needs a thing any more. */
export type AtEnd = (finish: () => void | Promise<void>) => void;
