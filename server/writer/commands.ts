import { ledgerCommands } from '../ledger/ledger-commands.ts';

/** Every command the writer carries out. */
export const commandHandlers = {
  ...ledgerCommands,
};

export type AllCommands = typeof commandHandlers;
