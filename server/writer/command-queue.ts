import { LedgerUnavailable, Refusal } from '../ledger/commands.ts';
import type { Answer, QueuedCommand } from './batch.ts';

/** Gathers commands into batches, of which one is on its way at a time. */
export interface CommandQueue {
  /** @throws LedgerUnavailable when the queue is full or closed. */
  push(name: string, input: unknown): Promise<unknown>;
  /** Answers the batch that is on its way and sends the next one. */
  settle(answers: readonly Answer[]): void;
  /** Takes no more; what is queued is still sent. Settles when all is answered. */
  drain(reason: LedgerUnavailable): Promise<void>;
  /** Takes no more and rejects what waits. */
  fail(reason: LedgerUnavailable): void;
  length(): number;
}

interface Waiting extends QueuedCommand {
  resolve(result: unknown): void;
  reject(error: Error): void;
}

/** Beyond this, new work is refused. Events that go on with what was accepted are never refused. */
const queueLengthMax = 10_000;
const batchLengthMax = 512;
/**
 * A commit costs about the same for one event as for twenty. After a batch of at least `busyBatchLength` the next one therefore
 * waits until it is worth its cost, but not longer than `gatherMs`; otherwise a command is written at once.
 */
const busyBatchLength = 4;
const worthwhileBatchLength = 32;
const gatherMs = 3;

/** @param mayBegin False: only what goes on is taken, as there is hardly any room. */
export function createCommandQueue(
  send: (batch: QueuedCommand[]) => void,
  mayBegin: () => boolean = () => true,
): CommandQueue {
  let queue: Waiting[] = [];
  let inFlight: Waiting[] = [];
  let lastBatchLength = 0;
  let gathering: NodeJS.Timeout | undefined;
  let closedBy: LedgerUnavailable | null = null;
  const idle = Promise.withResolvers<void>();

  /** While a batch is written the next one gathers: that makes the group commit. */
  function sendNext(): void {
    clearTimeout(gathering);
    gathering = undefined;
    if (inFlight.length > 0 || queue.length === 0) return;
    inFlight = queue.slice(0, batchLengthMax);
    queue = queue.slice(batchLengthMax);
    lastBatchLength = inFlight.length;
    send(inFlight.map(({ name, input }) => ({ name, input })));
  }

  function sendWhenWorthwhile(): void {
    if (inFlight.length > 0 || queue.length === 0) return;
    if (lastBatchLength < busyBatchLength || queue.length >= worthwhileBatchLength) sendNext();
    else gathering ??= setTimeout(sendNext, gatherMs);
  }

  function endWhenIdle(): void {
    if (closedBy && inFlight.length === 0 && queue.length === 0) idle.resolve();
  }

  return {
    push(name, input) {
      if (closedBy) return Promise.reject(closedBy);
      if ((queue.length >= queueLengthMax || !mayBegin()) && opensSomething(name, input)) {
        const reason = mayBegin() ? 'The writer cannot keep up.' : 'The disk is nearly full.';
        return Promise.reject(new LedgerUnavailable(reason));
      }
      const { promise, resolve, reject } = Promise.withResolvers<unknown>();
      queue.push({ name, input, resolve, reject });
      // Not at once: what one callback of the event loop pushes is written together.
      if (queue.length === 1 || queue.length === worthwhileBatchLength) queueMicrotask(sendWhenWorthwhile);
      return promise;
    },
    settle(answers) {
      const answered = inFlight;
      inFlight = [];
      sendWhenWorthwhile();
      for (const [index, waiting] of answered.entries()) settleOne(waiting, answers[index] as Answer);
      endWhenIdle();
    },
    drain(reason) {
      closedBy ??= reason;
      endWhenIdle();
      return idle.promise;
    },
    fail(reason) {
      closedBy = reason;
      for (const waiting of [...inFlight, ...queue]) waiting.reject(reason);
      inFlight = [];
      queue = [];
      endWhenIdle();
    },
    length: () => inFlight.length + queue.length,
  };
}

function settleOne(waiting: Waiting, answer: Answer): void {
  if (answer.ok) waiting.resolve(answer.result);
  else if ('refusal' in answer) waiting.reject(new Refusal(answer.refusal.code, answer.refusal.message));
  else waiting.reject(new LedgerUnavailable(answer.error));
}

/** Whether a command begins something new, as opposed to recording how something went on. */
function opensSomething(name: string, input: unknown): boolean {
  if (name !== 'ledger.append') return !name.startsWith('ledger.');
  const { type } = (input as { event: { body: { type: string } } }).event.body;
  return type === 'RequestAccepted' || type === 'RequestRejected';
}
