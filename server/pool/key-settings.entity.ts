import { defineEntity, p } from '@mikro-orm/core';
import type { QuotaCaps } from './quota-meter.ts';

/** What is set for a group of keys. */
const UpstreamKeyGroupSchema = defineEntity({
  name: 'UpstreamKeyGroup',
  tableName: 'upstream_key_group',
  properties: {
    name: p.string().primary(),
    /** Sealed: the address may hold a password. */
    proxy: p.string().nullable(),
  },
});
export class UpstreamKeyGroup extends UpstreamKeyGroupSchema.class {}
UpstreamKeyGroupSchema.setClass(UpstreamKeyGroup);

/** A `QuotaRule` at rest. */
const QuotaRuleSchema = defineEntity({
  name: 'QuotaRuleRow',
  tableName: 'quota_rule',
  properties: {
    id: p.string().primary(),
    upstreamKeyId: p.string().nullable(),
    group: p.string().fieldName('group_name').nullable(),
    model: p.string().nullable(),
    limits: p.json().$type<QuotaCaps>(),
  },
});
export class QuotaRuleRow extends QuotaRuleSchema.class {}
QuotaRuleSchema.setClass(QuotaRuleRow);
