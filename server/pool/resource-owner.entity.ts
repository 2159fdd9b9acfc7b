import { defineEntity, type FilterQuery, p } from '@mikro-orm/core';

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

const dayMs = 24 * 3_600_000;
/** Google keeps interactions for 55 days, files for two, results of batches for some. */
const ageMsMax = 60 * dayMs;
/** A cache lives as long as its maker pays for it. */
const cacheAgeMsMax = 400 * dayMs;

/** Whether a resource lives until somebody deletes it: forgotten, it would be everybody's. */
export function isLasting(name: string): boolean {
  return name.startsWith(lastingPrefix);
}

const lastingPrefix = 'fileSearchStores/';

/** Those that are lasting. */
export const lasting: FilterQuery<ResourceOwner> = { name: { $like: `${lastingPrefix}%` } };

/** Those that Google does not have any more. @param nowMs ms since 1970 */
export function expired(nowMs: number): FilterQuery<ResourceOwner> {
  const old = { createdAt: { $lt: nowMs - ageMsMax } };
  const isYoungCache = { name: { $like: 'cachedContents/%' }, createdAt: { $gte: nowMs - cacheAgeMsMax } };
  return { ...old, $not: { $or: [lasting, isYoungCache] } };
}
