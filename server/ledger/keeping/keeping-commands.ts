import { type CommandHandler, Refusal } from '../commands.ts';
import type { DaySealed, EventsArchived, NewEvent } from '../events.ts';
import { readCheckpoints } from '../projector.ts';
import { archivableUpTo, archivedUpTo } from './archive.ts';

/** Takes the seal of a day: it follows on the one before without a gap. */
const seal: CommandHandler<{ sealed: DaySealed }, null> = ({ connection, now }, { sealed }) => {
  const last = connection.prepare<[], number | null>('select max(to_position) from ledger_seal').pluck().get();
  if (sealed.fromPosition !== (last ?? 0) + 1) throw new Refusal('conflict', `${sealed.day} was sealed already.`);
  return { events: [{ body: sealed, occurredAt: now }], result: null };
};

/** Takes note of a file that holds the next sealed events; from now on they may be removed. */
const archive: CommandHandler<{ archived: Omit<EventsArchived, 'type'> }, null> = (
  { connection, now },
  { archived },
) => {
  const { fromPosition, toPosition } = archived;
  if (fromPosition !== archivedUpTo(connection) + 1)
    throw new Refusal('conflict', `The events from ${fromPosition} on are archived already.`);
  if (toPosition > archivableUpTo(connection, '9999-12-31'))
    throw new Refusal('conflict', `Events up to ${toPosition} are not sealed, or belong to requests that are open.`);
  const behind = [...readCheckpoints(connection)].find(([, position]) => position < toPosition);
  if (behind) throw new Refusal('conflict', `The projection ${behind[0]} has not seen these events yet.`);
  const event: NewEvent = { body: { type: 'EventsArchived', ...archived }, occurredAt: now };
  return { events: [event], result: null };
};

/** Removes archived events, a few at a time, so that nothing waits long. */
const removeArchived: CommandHandler<{ limit: number }, { removed: number }> = ({ connection }, { limit }) => {
  const { changes } = connection
    .prepare(
      `delete from usage_event where position in
         (select position from usage_event where position <= ? order by position limit ?)`,
    )
    .run(archivedUpTo(connection), limit);
  return { events: [], result: { removed: changes } };
};

export const keepingCommands = {
  'ledger.seal': seal,
  'ledger.archive': archive,
  'ledger.removeArchived': removeArchived,
};
