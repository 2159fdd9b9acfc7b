import { defineEntity, p } from '@mikro-orm/core';
import type { FailureClass } from './classify-failure.ts';
import type { QuotaKind } from './quota.ts';

/** A rest of an upstream key; of all models where the model is ''. */
const UpstreamKeyRestSchema = defineEntity({
  name: 'UpstreamKeyRest',
  tableName: 'upstream_key_rest',
  properties: {
    upstreamKeyId: p.string().primary(),
    model: p.string().primary(),
    /** ms since 1970. */
    until: p.integer(),
    reason: p.string().$type<FailureClass>(),
    message: p.string(),
  },
});
export class UpstreamKeyRest extends UpstreamKeyRestSchema.class {}
UpstreamKeyRestSchema.setClass(UpstreamKeyRest);

/** A limit that Google told of a key's project. */
const UpstreamKeyQuotaSchema = defineEntity({
  name: 'UpstreamKeyQuota',
  tableName: 'upstream_key_quota',
  properties: {
    upstreamKeyId: p.string().primary(),
    model: p.string().primary(),
    kind: p.string().$type<QuotaKind>().primary(),
    limit: p.integer().fieldName('quota_limit'),
    /** ms since 1970. */
    learnedAt: p.integer(),
  },
});
export class UpstreamKeyQuota extends UpstreamKeyQuotaSchema.class {}
UpstreamKeyQuotaSchema.setClass(UpstreamKeyQuota);
