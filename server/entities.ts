import { Account } from './admin/account.entity.ts';
import { Session } from './admin/session.entity.ts';
import { ClientKey } from './clients/client-key.entity.ts';
import { Job, JobRow } from './jobs/job.entity.ts';
import { BudgetUse } from './ledger/projections/budgets.ts';
import { IdempotencyKey } from './ledger/projections/idempotency-keys.ts';
import { Request } from './ledger/projections/requests.ts';
import { LedgerArchive, LedgerSeal } from './ledger/projections/seals.ts';
import { UsageBucket } from './ledger/projections/usage-buckets.ts';
import { UsageEvent } from './ledger/usage-event.entity.ts';
import { QuotaRuleRow, UpstreamKeyGroup } from './pool/key-settings.entity.ts';
import { UpstreamKeyQuota, UpstreamKeyRest } from './pool/key-state.entity.ts';
import { ResourceOwner } from './pool/resource-owner.entity.ts';
import { UpstreamKey } from './pool/upstream-key.entity.ts';
import { PriceRow } from './pricing/price.entity.ts';
import { ThoughtSignature } from './signatures/thought-signature.entity.ts';

/** Every table the ORM knows. */
export const entities = [
  UsageEvent,
  Request,
  UsageBucket,
  BudgetUse,
  IdempotencyKey,
  LedgerSeal,
  LedgerArchive,
  ClientKey,
  UpstreamKey,
  UpstreamKeyRest,
  UpstreamKeyQuota,
  UpstreamKeyGroup,
  QuotaRuleRow,
  ResourceOwner,
  Job,
  JobRow,
  ThoughtSignature,
  PriceRow,
  Account,
  Session,
];
