import { Worker } from 'node:worker_threads';
import { type Execute, LedgerUnavailable, Refusal } from '../ledger/commands.ts';
import type { Answer, QueuedCommand } from './batch.ts';
import type { AllCommands } from './commands.ts';

/** The main thread's side of the writer. */
export interface Writer {
  execute: Execute<AllCommands>;
  /** Calls the listener with the position of the newest event after each batch. */
  onCommit(listener: (headPosition: number) => void): void;
  /** Position of the newest event when the writer started. */
  headPosition: number;
  /** Settles when the thread has died of an error: nothing can be written any more. */
  failed: Promise<Error>;
  /** Carries out what is queued, then ends the thread. */
  close(): Promise<void>;
}

interface Waiting extends QueuedCommand {
  resolve(result: unknown): void;
  reject(error: Error): void;
  settled: Promise<unknown>;
}

/** Beyond this, new work is refused. Events that end something which was accepted are never refused. */
const queueLengthMax = 10_000;
const batchLengthMax = 512;

/**
 * Starts the writer thread on a database file.
 * @throws Error when the database cannot be opened or migrated.
 */
export async function startWriter(databaseFile: string, bootId: string): Promise<Writer> {
  const worker = new Worker(new URL('./writer-thread.ts', import.meta.url), { workerData: { databaseFile, bootId } });
  const first = Promise.withResolvers<number>();
  const closed = Promise.withResolvers<void>();
  const failure = Promise.withResolvers<Error>();
  const listeners: ((headPosition: number) => void)[] = [];
  let queue: Waiting[] = [];
  let inFlight: Waiting[] = [];
  let error: Error | null = null;

  /** One batch at a time: while it is written the next one gathers, which makes the group commit. */
  function flush(): void {
    if (inFlight.length > 0 || queue.length === 0) return;
    inFlight = queue.slice(0, batchLengthMax);
    queue = queue.slice(batchLengthMax);
    // One text is cheaper to pass than a cloned object for each command.
    worker.postMessage(JSON.stringify(inFlight.map(({ name, input }) => ({ name, input }))));
  }

  function settle(headPosition: number, answers: Answer[]): void {
    const done = inFlight;
    inFlight = [];
    flush();
    for (const [index, answer] of answers.entries()) settleOne(done[index] as Waiting, answer);
    for (const listener of listeners) listener(headPosition);
  }

  worker.on('message', (message: string) => {
    const { headPosition, answers } = JSON.parse(message) as { headPosition: number; answers?: Answer[] };
    if (answers) settle(headPosition, answers);
    else first.resolve(headPosition);
  });
  worker.on('error', (cause) => {
    error = new LedgerUnavailable(`The writer has failed: ${(cause as Error).message}`);
    first.reject(cause as Error);
    for (const waiting of [...inFlight, ...queue]) waiting.reject(error);
    inFlight = [];
    queue = [];
    failure.resolve(cause as Error);
  });
  worker.on('exit', () => closed.resolve());

  const execute = (name: string, input: unknown): Promise<unknown> => {
    if (error) return Promise.reject(error);
    if (queue.length >= queueLengthMax && opensSomething(input)) {
      return Promise.reject(new LedgerUnavailable('The writer cannot keep up.'));
    }
    const { promise, resolve, reject } = Promise.withResolvers<unknown>();
    queue.push({ name, input, resolve, reject, settled: promise });
    // All that one turn of the event loop brings goes into one batch.
    if (inFlight.length === 0 && queue.length === 1) queueMicrotask(flush);
    return promise;
  };

  return {
    execute: execute as Execute<AllCommands>,
    onCommit: (listener) => void listeners.push(listener),
    headPosition: await first.promise,
    failed: failure.promise,
    async close() {
      await Promise.allSettled([...inFlight, ...queue].map((waiting) => waiting.settled));
      worker.postMessage(null);
      await closed.promise;
    },
  };
}

function settleOne(waiting: Waiting, answer: Answer): void {
  if (answer.ok) waiting.resolve(answer.result);
  else if ('refusal' in answer) waiting.reject(new Refusal(answer.refusal.code, answer.refusal.message));
  else waiting.reject(new LedgerUnavailable(answer.error));
}

/** Whether a command begins something new, as opposed to recording how something ended. */
function opensSomething(input: unknown): boolean {
  const type = (input as { event?: { body?: { type?: string } } } | null)?.event?.body?.type;
  return type === undefined || type === 'RequestAccepted' || type === 'RequestRejected';
}
