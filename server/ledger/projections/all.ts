import { budgetsProjection } from './budgets.ts';
import { idempotencyKeysProjection } from './idempotency-keys.ts';
import type { ProjectionFactory } from './projection.ts';
import { requestsProjection } from './requests.ts';
import { archivesProjection, sealsProjection } from './seals.ts';
import { usageBucketsProjection } from './usage-buckets.ts';

/** Every projection, in the order in which they see an event. */
export const projections: readonly ProjectionFactory[] = [
  requestsProjection,
  budgetsProjection,
  idempotencyKeysProjection,
  sealsProjection,
  archivesProjection,
  usageBucketsProjection,
];
