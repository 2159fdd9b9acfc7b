import type { ProjectionFactory } from './projection.ts';
import { requestsProjection } from './requests.ts';
import { usageBucketsProjection } from './usage-buckets.ts';

/** Every projection, in the order in which they see an event. */
export const projections: readonly ProjectionFactory[] = [requestsProjection, usageBucketsProjection];

/** Their tables with the key that orders a dump: what `verify` compares and a rebuild fills. */
export const projectionTables = {
  request: 'accepted_position',
  usage_bucket: 'hour, client_key_id, upstream_key_id, model',
} as const;
