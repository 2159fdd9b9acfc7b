import type { Connection } from '../../database.ts';
import { dayMs, hourMs } from '../calendar.ts';
import type { Execute } from '../commands.ts';
import type { ledgerCommands } from '../ledger-commands.ts';
import { archivableUpTo, archivedUpTo, writeArchive } from './archive.ts';
import type { keepingCommands } from './keeping-commands.ts';
import { daysToSeal, type Sign, sealText } from './seal.ts';

export interface KeepingParts {
  execute: Execute<typeof keepingCommands & Pick<typeof ledgerCommands, 'ledger.catchUp'>>;
  /** Only reads. */
  connection: Connection;
  sign: Sign;
  /** Wall clock, ms since 1970. */
  now(): number;
}

const removedAtOnce = 2000;

/** Seals every day that is over. @returns the newest of them; null for none */
export async function sealDays({ execute, connection, sign, now }: KeepingParts): Promise<string | null> {
  await execute('ledger.catchUp', {});
  const days = daysToSeal(connection, now());
  for (const day of days)
    await execute('ledger.seal', { sealed: { type: 'DaySealed', ...day, signature: sign(sealText(day)) } });
  return days.at(-1)?.day ?? null;
}

/**
 * Moves the events of sealed days out of the database, file by file: first the file is on the disk, then the ledger says so, then the rows go.
 * What an earlier run left undone is finished first.
 * @param beforeDay For example `2026-11-01`: days before it.
 * @param onProgress Told the position up to which events have gone.
 * @returns how many events were archived
 */
export async function archiveDays(
  { execute, connection }: Pick<KeepingParts, 'execute' | 'connection'>,
  beforeDay: string,
  onProgress: (position: number) => void = () => {},
): Promise<number> {
  await removeArchived(execute);
  let count = 0;
  for (;;) {
    const archived = await writeArchive(connection, archivedUpTo(connection), archivableUpTo(connection, beforeDay));
    if (!archived) return count;
    await execute('ledger.catchUp', {});
    await execute('ledger.archive', { archived });
    await removeArchived(execute);
    count += archived.toPosition - archived.fromPosition + 1;
    onProgress(archived.toPosition);
  }
}

async function removeArchived(execute: KeepingParts['execute']): Promise<void> {
  for (;;) {
    const { removed } = await execute('ledger.removeArchived', { limit: removedAtOnce });
    if (removed < removedAtOnce) return;
  }
}

/**
 * Seals days as they end and archives those that are older than they are to be kept.
 * @param keepDays 0: all are kept.
 * @returns stops it; settles when nothing goes on any more
 */
export function startKeeper(
  parts: KeepingParts,
  keepDays: number,
  onError: (error: Error) => void,
): () => Promise<void> {
  let running: Promise<void> = Promise.resolve();
  async function keep(): Promise<void> {
    try {
      await sealDays(parts);
      if (keepDays > 0) await archiveDays(parts, new Date(parts.now() - keepDays * dayMs).toISOString().slice(0, 10));
    } catch (error) {
      onError(error as Error);
    }
  }
  const next = () => {
    running = running.then(keep);
  };
  const timer = setInterval(next, hourMs);
  timer.unref();
  next();
  return async () => {
    clearInterval(timer);
    await running;
  };
}
