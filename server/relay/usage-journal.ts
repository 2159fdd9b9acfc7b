import type { Execute } from '../ledger/commands.ts';
import type { ledgerCommands, SeenUsage } from '../ledger/ledger-commands.ts';

/** So much of an answer's usage a crash can lose, at most. */
const everyMs = 5000;

/**
 * Keeps on disk what the open requests have used so far, as their chunks tell it: after a crash they are closed with that.
 * @param seen What they have used by now.
 * @returns stops it
 */
export function startUsageJournal(execute: Execute<typeof ledgerCommands>, seen: () => SeenUsage[]): () => void {
  let written = '[]';
  const timer = setInterval(() => {
    const entries = seen();
    const text = JSON.stringify(entries);
    if (text === written) return;
    written = text;
    // Whoever cannot write the ledger learns of it by what has to be written.
    execute('ledger.noteUsage', { seen: entries }).catch(() => {});
  }, everyMs);
  timer.unref();
  return () => clearInterval(timer);
}
