import type { EntityManager } from '@mikro-orm/sqlite';
import type { Connection } from '../database.ts';
import type { NewEvent } from './events.ts';

/** What a handler works with inside the writer's transaction. */
export interface Transaction {
  /** A fork of the writer's entity manager on the connection that holds the transaction. */
  em: EntityManager;
  /** The connection beneath it, for statements on the hot path. */
  connection: Connection;
  /** Now, ms since 1970. */
  now: number;
}

/** What a command did: the events it caused and the answer for who sent it. Both are plain JSON data. */
export interface Effect<Result> {
  events: NewEvent[];
  result: Result;
}

/**
 * The handler of one command, beside the entity it changes. It runs in the writer's transaction together with the events
 * it returns: both commit or neither does. Expected failures are thrown as `Refusal`.
 */
export type CommandHandler<Input, Result> = (
  transaction: Transaction,
  input: Input,
) => Effect<Result> | Promise<Effect<Result>>;

/** Handlers by command name. A part exports one such table, for example `clientKeyCommands`. */
// biome-ignore lint/suspicious/noExplicitAny: the table is typed by its entries, see `Execute`.
export type CommandHandlers = Record<string, CommandHandler<any, any>>;

/** Sends commands of the given table to the writer; resolves after the commit, rejects with `Refusal` or `LedgerUnavailable`. */
export type Execute<Handlers extends CommandHandlers> = <Name extends keyof Handlers & string>(
  name: Name,
  input: Parameters<Handlers[Name]>[1],
) => Promise<Awaited<ReturnType<Handlers[Name]>>['result']>;

/** A command that cannot be carried out for a reason its sender can act on. */
export class Refusal extends Error {
  override name = 'Refusal';
  readonly code: 'not_found' | 'conflict' | 'unauthenticated';
  constructor(code: Refusal['code'], message: string) {
    super(message);
    this.code = code;
  }
}

/** The ledger cannot be written; nothing was spent and nothing was changed. */
export class LedgerUnavailable extends Error {
  override name = 'LedgerUnavailable';
}
