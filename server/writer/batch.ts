import { type Connection, connectionOf, type Orm } from '../database.ts';
import { type Appender, createAppender } from '../ledger/append.ts';
import { type CommandHandlers, type Effect, Refusal } from '../ledger/commands.ts';
import type { RecordedEvent } from '../ledger/events.ts';
import { projections } from '../ledger/projections/all.ts';

/** A command on its way to its handler. */
export interface QueuedCommand {
  name: string;
  input: unknown;
}

/** What became of a command. */
export type Answer =
  | { ok: true; result: unknown }
  | { ok: false; refusal: { code: Refusal['code']; message: string } }
  | { ok: false; error: string };

/** Runs batches of commands, each batch in one transaction. */
export interface BatchRunner {
  run(commands: readonly QueuedCommand[]): Promise<Answer[]>;
  headPosition(): number;
}

/**
 * The one writer. Handlers, their events, the projections and the head of a batch commit together. When a command fails, the batch
 * is rolled back and each of its commands runs again in a transaction of its own, so that only the culprit fails.
 */
export async function createBatchRunner(
  orm: Orm,
  handlers: CommandHandlers,
  bootId: string,
  clock: () => number,
): Promise<BatchRunner> {
  const connection = await connectionOf(orm);
  const appender = createAppender(connection, bootId);
  const applyEvents = createProjector(connection);

  async function inTransaction(commands: readonly QueuedCommand[]): Promise<Answer[]> {
    connection.exec('begin immediate');
    try {
      const answers = await runAll(commands);
      connection.exec('commit');
      return answers;
    } catch (error) {
      if (connection.inTransaction) connection.exec('rollback');
      appender.reload();
      throw error;
    }
  }

  async function runAll(commands: readonly QueuedCommand[]): Promise<Answer[]> {
    const now = clock();
    const answers: Answer[] = [];
    const recorded: RecordedEvent[] = [];
    for (const { name, input } of commands) {
      const handler = handlers[name];
      if (!handler) throw new Error(`There is no command ${name}.`);
      const pending = handler({ em: orm.em.fork(), now }, input);
      // Awaiting what is no promise would cost a turn of the loop per event.
      const effect: Effect<unknown> = pending instanceof Promise ? await pending : pending;
      recorded.push(...appender.append(effect.events, now));
      answers.push({ ok: true, result: effect.result });
    }
    applyEvents(recorded, appender);
    return answers;
  }

  async function runAlone(command: QueuedCommand): Promise<Answer> {
    try {
      return (await inTransaction([command]))[0] as Answer;
    } catch (error) {
      if (error instanceof Refusal) return { ok: false, refusal: { code: error.code, message: error.message } };
      return { ok: false, error: (error as Error).message };
    }
  }

  return {
    async run(commands) {
      try {
        return await inTransaction(commands);
      } catch {
        const answers: Answer[] = [];
        for (const command of commands) answers.push(await runAlone(command));
        return answers;
      }
    },
    headPosition: () => appender.headPosition(),
  };
}

function createProjector(connection: Connection): (events: readonly RecordedEvent[], appender: Appender) => void {
  const all = projections.map((create) => create(connection));
  const saveCheckpoint = connection.prepare(
    `insert into projection_checkpoint (name, position) values (?, ?) on conflict do update set position = excluded.position`,
  );
  return (events, appender) => {
    if (events.length === 0) return;
    for (const projection of all) {
      projection.evolve(events);
      saveCheckpoint.run(projection.name, appender.headPosition());
    }
    appender.saveHead();
  };
}
