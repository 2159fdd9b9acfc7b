import { connectionOf, migrate, openDatabase } from '../../server/database.ts';
import { entities } from '../../server/entities.ts';
import { createAppender } from '../../server/ledger/append.ts';
import type { NewEvent } from '../../server/ledger/events.ts';

/** Writes events into a new ledger as if they had been recorded when they occurred. What is derived from them is not there yet. */
export async function writeHistory(file: string, events: Iterable<NewEvent>): Promise<void> {
  const orm = await openDatabase(file, entities, 'write');
  try {
    await migrate(orm);
    const connection = await connectionOf(orm);
    const appender = createAppender(connection, 'boot-past');
    connection.exec('begin');
    for (const event of events) appender.append(event, event.occurredAt);
    appender.saveHead();
    connection.exec('commit');
  } finally {
    await orm.close();
  }
}
