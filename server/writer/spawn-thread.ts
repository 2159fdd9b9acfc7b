import { Worker } from 'node:worker_threads';

/** Starts the writer's thread, which loads its modules and then waits to be told which file it is to open. */
export function spawnWriterThread(): Worker {
  return new Worker(new URL('./writer-thread.ts', import.meta.url));
}
