import type { Pick, Wanted } from '../pool/pool.ts';
import type { Caller } from '../pool/waiting-room.ts';
import type { RelayParts } from './parts.ts';
import { noKeyError } from './to-api-error.ts';

/** The key for the first try of a request, waited for if need be; null when the caller has left. @throws ApiError when none is free in time */
export async function pickFirst(wanted: Wanted, caller: Caller, parts: RelayParts): Promise<Pick | null> {
  const found = await parts.pool.pick(wanted, caller);
  if (found === null || 'taken' in found) return found;
  throw noKeyError(found, wanted.model, parts);
}
