import './account.ts';
import './client-key.ts';
import './client-term-fields.ts';
import './many-keys.ts';
import './upstream-key.ts';
import './upstream-key-import.ts';
import './key-choice.ts';
import './key-settings.ts';
import './price.ts';
import './usage.ts';
import './live-stats.ts';
import './job.ts';
import './request.ts';
import './ledger.ts';
import { builder } from './builder.ts';

/** The admin API. */
export const schema = builder.toSchema({ sortSchema: true });
