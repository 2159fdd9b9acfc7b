import type { EntityManager } from '@mikro-orm/sqlite';
import { type Connection, connectionOf, type Orm } from '../database.ts';
import { createAppender } from '../ledger/append.ts';
import { checkTail } from '../ledger/check-tail.ts';
import { type CommandHandlers, Refusal, type Transaction } from '../ledger/commands.ts';
import type { RecordedEvent } from '../ledger/events.ts';
import { catchUp, createProjector } from '../ledger/projector.ts';
import type { DiskReserve } from './disk-reserve.ts';

/** A command on its way to its handler. */
export interface QueuedCommand {
  name: string;
  input: unknown;
}

/** What became of a command. `error` is for failures its sender can do nothing about. */
export type Answer =
  | { ok: true; result: unknown }
  | { ok: false; refusal: { code: Refusal['code']; message: string } }
  | { ok: false; error: string };

/** Runs batches of commands, each batch in one transaction. */
export interface BatchRunner {
  /** @throws when the disk or the file is broken: what was written last may or may not be there. */
  run(commands: readonly QueuedCommand[]): Promise<Answer[]>;
  headPosition(): number;
  /** Up to which event all projections have come. */
  projectedPosition(): number;
}

/** Commands after which every projection has seen every event. */
const catchingUp: ReadonlySet<string> = new Set(['ledger.catchUp', 'ledger.stopNode']);

/**
 * Handlers, their events, the projections and the head of a batch commit together. When a command fails, the batch is rolled back
 * and each of its commands runs again in a transaction of its own, so that only the culprit fails.
 * @param reserve Gives room when the disk is full.
 */
export async function createBatchRunner(
  orm: Orm,
  handlers: CommandHandlers,
  bootId: string,
  clock: () => number,
  reserve: DiskReserve = { release: () => false },
): Promise<BatchRunner> {
  const connection = await connectionOf(orm);
  const begin = connection.prepare('begin immediate');
  const commit = connection.prepare('commit');
  const appender = createAppender(connection, bootId);
  checkTail(connection);
  catchUp(connection);
  const projector = createProjector(connection);

  async function inTransaction(commands: readonly QueuedCommand[]): Promise<Answer[]> {
    begin.run();
    try {
      const answers = await carryOut(commands);
      commit.run();
      projector.committed();
      return answers;
    } catch (error) {
      if (connection.inTransaction) connection.exec('rollback');
      projector.rolledBack();
      appender.reload();
      throw error;
    }
  }

  async function carryOut(commands: readonly QueuedCommand[]): Promise<Answer[]> {
    const now = clock();
    const answers: Answer[] = [];
    const recorded: RecordedEvent[] = [];
    for (const { name, input } of commands) {
      const handler = handlers[name];
      if (!handler) throw new Error(`There is no command ${name}.`);
      const pending = handler(new CommandTransaction(orm, connection, now), input);
      // Awaiting what is no promise would cost a turn of the loop per event.
      const { events, result } = pending instanceof Promise ? await pending : pending;
      for (const event of events) recorded.push(appender.append(event, now));
      answers.push({ ok: true, result });
    }
    const isCatchingUp = commands.some(({ name }) => catchingUp.has(name));
    projector.project(recorded, appender.headPosition(), isCatchingUp);
    if (recorded.length > 0) appender.saveHead();
    return answers;
  }

  async function runAlone(command: QueuedCommand): Promise<Answer> {
    try {
      return (await inTransaction([command]))[0] as Answer;
    } catch (error) {
      if (error instanceof Refusal) return { ok: false, refusal: { code: error.code, message: error.message } };
      if (isDiskBroken(error)) throw error;
      return { ok: false, error: (error as Error).message };
    }
  }

  async function run(commands: readonly QueuedCommand[]): Promise<Answer[]> {
    try {
      return await inTransaction(commands);
    } catch (error) {
      if (isDiskBroken(error)) throw error;
      if (isDiskFull(error) && reserve.release()) return run(commands);
      const answers: Answer[] = [];
      for (const command of commands) answers.push(await runAlone(command));
      return answers;
    }
  }

  return {
    run,
    headPosition: () => appender.headPosition(),
    projectedPosition: () => appender.headPosition() - projector.backlog(),
  };
}

/** Most commands only append: an entity manager of its own is made for those that ask for one. */
class CommandTransaction implements Transaction {
  readonly now: number;
  readonly connection: Connection;
  readonly #orm: Orm;
  #em: EntityManager | undefined;

  constructor(orm: Orm, connection: Connection, now: number) {
    this.#orm = orm;
    this.connection = connection;
    this.now = now;
  }

  get em(): EntityManager {
    this.#em ??= this.#orm.em.fork();
    return this.#em;
  }
}

function isDiskFull(error: unknown): boolean {
  return (error as { code?: unknown }).code === 'SQLITE_FULL';
}

/** After a failed fsync nobody knows what is on the disk, and trying again would call durable what may not be. A full disk is no such failure. */
function isDiskBroken(error: unknown): boolean {
  const code = (error as { code?: unknown }).code;
  return typeof code === 'string' && /^SQLITE_(IOERR|CORRUPT|NOTADB|READONLY|CANTOPEN)/.test(code);
}
