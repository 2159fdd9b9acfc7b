import type { Worker } from 'node:worker_threads';
import { DatabaseError } from '../database.ts';
import { type Execute, LedgerUnavailable } from '../ledger/commands.ts';
import type { Answer } from './batch.ts';
import { createCommandQueue } from './command-queue.ts';
import type { AllCommands } from './commands.ts';
import { spawnWriterThread } from './spawn-thread.ts';

/** The main thread's side of the writer. */
export interface Writer {
  execute: Execute<AllCommands>;
  /** Calls the listener after each batch with the position of the newest event, and of the one that all projections have come to. */
  onCommit(listener: (headPosition: number, projectedPosition: number) => void): void;
  /** Position of the newest event when the writer started. */
  headPosition: number;
  /** Number of commands that wait for their commit. */
  queueLength(): number;
  /** Settles when the thread has died of an error: nothing can be written any more, the process had better end. */
  failed: Promise<Error>;
  /** Carries out what is queued, refuses what comes later, then ends the thread. */
  close(): Promise<void>;
}

export interface WriterData {
  databaseFile: string;
  bootId: string;
}

/** What the thread says: once at its start whether it could open the database, then after each batch. */
export type Report =
  | { kind: 'ready'; headPosition: number }
  | { kind: 'refused'; message: string }
  | { kind: 'answers'; answers: Answer[]; headPosition: number; projectedPosition: number };

export interface WriterOptions {
  /** False while the disk is nearly full: then nothing new is taken. */
  mayBegin?: () => boolean;
  /** Was spawned before. */
  thread?: Worker | undefined;
}

/**
 * Starts the writer thread on a database file and brings its schema up to date.
 * @param bootId Names this run of the process in the events it writes.
 * @throws DatabaseError when the file cannot be used; the message says why.
 */
export async function startWriter(
  databaseFile: string,
  bootId: string,
  { mayBegin = () => true, thread = spawnWriterThread() }: WriterOptions = {},
): Promise<Writer> {
  const queue = createCommandQueue((batch) => thread.postMessage(JSON.stringify(batch)), mayBegin);
  const ready = Promise.withResolvers<number>();
  const failed = Promise.withResolvers<Error>();
  const exited = Promise.withResolvers<void>();
  const listeners: ((headPosition: number, projectedPosition: number) => void)[] = [];
  let isClosing = false;

  function fail(cause: Error): void {
    queue.fail(new LedgerUnavailable(`The writer has failed: ${cause.message}`));
    ready.reject(cause);
    failed.resolve(cause);
  }

  function onReport(report: Report): void {
    if (report.kind === 'ready') ready.resolve(report.headPosition);
    else if (report.kind === 'refused') fail(new DatabaseError(report.message));
    else {
      for (const listener of listeners) listener(report.headPosition, report.projectedPosition);
      queue.settle(report.answers);
    }
  }

  thread.postMessage({ databaseFile, bootId } satisfies WriterData);
  thread.on('message', (text: string) => onReport(JSON.parse(text) as Report));
  thread.on('error', (error) => fail(error as Error));
  thread.on('exit', () => {
    if (!isClosing) fail(new Error('its thread ended'));
    exited.resolve();
  });

  return {
    execute: queue.push as Execute<AllCommands>,
    onCommit: (listener) => void listeners.push(listener),
    headPosition: await ready.promise,
    queueLength: queue.length,
    failed: failed.promise,
    async close() {
      await queue.drain(new LedgerUnavailable('The gateway is shutting down.'));
      isClosing = true;
      thread.postMessage(null);
      await exited.promise;
    },
  };
}
