import { defineEntity, p } from '@mikro-orm/core';

/** A file, cache or interaction at Google: only the upstream key that made it can use it, and only for the client that asked for it. */
const ResourceOwnerSchema = defineEntity({
  name: 'ResourceOwner',
  tableName: 'resource_owner',
  properties: {
    /** As Google names it, for example `files/abc-123`. */
    name: p.string().primary(),
    upstreamKeyId: p.string(),
    clientKeyId: p.string(),
    createdAt: p.integer(),
  },
});
export class ResourceOwner extends ResourceOwnerSchema.class {}
ResourceOwnerSchema.setClass(ResourceOwner);
