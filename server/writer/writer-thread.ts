import { once } from 'node:events';
import { parentPort } from 'node:worker_threads';
import { DatabaseError, migrate, openDatabase } from '../database.ts';
import { entities } from '../entities.ts';
import { createBatchRunner, type QueuedCommand } from './batch.ts';
import { commandHandlers } from './commands.ts';
import { createDiskReserve } from './disk-reserve.ts';
import type { Report, WriterData } from './writer.ts';

const port = parentPort;
if (!port) throw new Error('writer-thread.ts runs as a worker of writer.ts.');

/** One text is cheaper to pass than a cloned object for each answer. */
function report(news: Report): void {
  port?.postMessage(JSON.stringify(news));
}

/** The thread that owns the only write connection: no fsync and no lock ever blocks the event loop that serves clients. */
async function main({ databaseFile, bootId }: WriterData): Promise<void> {
  const orm = await openDatabase(databaseFile, entities, 'write');
  await migrate(orm);
  const runner = await createBatchRunner(orm, commandHandlers, bootId, Date.now, createDiskReserve(databaseFile));
  port?.on('message', async (message: string | null) => {
    if (message === null) {
      await orm.close();
      port.close();
      return;
    }
    const answers = await runner.run(JSON.parse(message) as QueuedCommand[]);
    const [headPosition, projectedPosition] = [runner.headPosition(), runner.projectedPosition()];
    report({ kind: 'answers', answers, headPosition, projectedPosition });
  });
  report({ kind: 'ready', headPosition: runner.headPosition() });
}

try {
  const [data] = (await once(port, 'message')) as [WriterData];
  await main(data);
} catch (error) {
  if (!(error instanceof DatabaseError)) throw error;
  // An error that is thrown loses its class on the way to the main thread.
  report({ kind: 'refused', message: error.message });
}
