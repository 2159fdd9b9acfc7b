import { defineEntity, p } from '@mikro-orm/core';

export type UpstreamKeySource = 'ENVIRONMENT' | 'IMPORT';

/** A Gemini API key at rest. A deleted one keeps its fingerprint, so that the environment does not bring it back. */
const UpstreamKeySchema = defineEntity({
  name: 'UpstreamKey',
  tableName: 'upstream_key',
  properties: {
    id: p.string().primary(),
    label: p.string().nullable(),
    tags: p.json().$type<string[]>(),
    group: p.string().fieldName('group_name').nullable(),
    /** The project behind it, where it is known. */
    project: p.string().nullable(),
    weight: p.integer(),
    /** Calls at a time; null: any number. */
    connectionsMax: p.integer().nullable(),
    /** Sealed: the address may hold a password. */
    proxy: p.string().nullable(),
    maskedKey: p.string(),
    fingerprint: p.string(),
    ciphertext: p.text().nullable(),
    source: p.string().$type<UpstreamKeySource>(),
    isEnabled: p.boolean(),
    rejection: p.string().nullable(),
    rejectionMessage: p.string().nullable(),
    rejectedAt: p.integer().nullable(),
    createdAt: p.integer(),
    updatedAt: p.integer(),
    deletedAt: p.integer().nullable(),
  },
});
export class UpstreamKey extends UpstreamKeySchema.class {}
UpstreamKeySchema.setClass(UpstreamKey);
