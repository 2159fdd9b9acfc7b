import { parentPort, workerData } from 'node:worker_threads';
import { migrate, openDatabase } from '../database.ts';
import { entities } from '../entities.ts';
import { createBatchRunner, type QueuedCommand } from './batch.ts';
import { commandHandlers } from './commands.ts';

/** The thread that owns the only write connection: no fsync and no lock ever blocks the event loop that serves clients. */
const port = parentPort;
if (!port) throw new Error('writer-thread.ts runs as a worker of writer.ts.');
const { databaseFile, bootId } = workerData as { databaseFile: string; bootId: string };

const orm = await openDatabase(databaseFile, entities, 'write');
await migrate(orm);
const runner = await createBatchRunner(orm, commandHandlers, bootId, Date.now);
port.postMessage(JSON.stringify({ headPosition: runner.headPosition() }));

port.on('message', async (message: string | null) => {
  if (message === null) {
    await orm.close();
    port.close();
    return;
  }
  const answers = await runner.run(JSON.parse(message) as QueuedCommand[]);
  port.postMessage(JSON.stringify({ headPosition: runner.headPosition(), answers }));
});
