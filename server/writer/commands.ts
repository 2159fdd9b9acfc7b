import { accountCommands } from '../admin/account-commands.ts';
import { sessionCommands } from '../admin/session-commands.ts';
import { clientKeyCommands } from '../clients/client-key-commands.ts';
import { jobCommands } from '../jobs/job-commands.ts';
import { keepingCommands } from '../ledger/keeping/keeping-commands.ts';
import { ledgerCommands } from '../ledger/ledger-commands.ts';
import { keySettingsCommands } from '../pool/key-settings-commands.ts';
import { keyStateCommands } from '../pool/key-state-commands.ts';
import { manyKeysCommands } from '../pool/many-keys-commands.ts';
import { resourceCommands } from '../pool/resource-commands.ts';
import { upstreamKeyCommands } from '../pool/upstream-key-commands.ts';
import { priceCommands } from '../pricing/price-commands.ts';
import { repriceCommands } from '../pricing/reprice-commands.ts';
import { signatureCommands } from '../signatures/signature-commands.ts';

/** Every command the writer carries out. */
export const commandHandlers = {
  ...ledgerCommands,
  ...keepingCommands,
  ...clientKeyCommands,
  ...upstreamKeyCommands,
  ...keyStateCommands,
  ...keySettingsCommands,
  ...manyKeysCommands,
  ...jobCommands,
  ...resourceCommands,
  ...accountCommands,
  ...sessionCommands,
  ...signatureCommands,
  ...priceCommands,
  ...repriceCommands,
};

export type AllCommands = typeof commandHandlers;
