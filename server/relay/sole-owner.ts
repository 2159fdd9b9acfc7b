import { ApiError, invalidRequest } from '../formats/api-error.ts';
import type { Pool } from '../pool/pool.ts';
import type { ResourceOwners } from '../pool/resource-owners.ts';

/**
 * The one upstream key that can use all of the resources; null when any can, as far as is known.
 * @throws ApiError 404 for a resource of another client or of a key that is gone, 400 for resources of several keys.
 */
export function soleOwner(
  resources: readonly string[],
  clientKeyId: string,
  { owners, pool }: { owners: Pick<ResourceOwners, 'find'>; pool: Pick<Pool, 'get'> },
): string | null {
  let only: string | null = null;
  for (const name of resources) {
    const owner = owners.find(name);
    if (!owner) continue;
    // What another client made is as good as not there.
    if (owner.clientKeyId !== clientKeyId || !pool.get(owner.upstreamKeyId)) throw notFound(name);
    if (only !== null && only !== owner.upstreamKeyId) {
      const message = `${name} was made with another Gemini key than the rest: one request can use only what one key made.`;
      throw invalidRequest(message, null);
    }
    only = owner.upstreamKeyId;
  }
  return only;
}

function notFound(name: string): ApiError {
  return new ApiError(404, 'resource_not_found', `${name} does not exist, or the Gemini key that made it is gone.`);
}
