import { Request } from './ledger/projections/requests.ts';
import { UsageBucket } from './ledger/projections/usage-buckets.ts';
import { UsageEvent } from './ledger/usage-event.entity.ts';

/** Every table the ORM knows. */
export const entities = [UsageEvent, Request, UsageBucket];
