import type { NoKey } from '../pool/choose-key.ts';
import type { Pick, Wanted } from '../pool/pool.ts';
import type { Caller } from '../pool/waiting-room.ts';
import type { RelayParts } from './parts.ts';
import { noKeyError } from './to-api-error.ts';

/**
 * The key for the first try of a request, waited for if need be; null when the caller has left. Nearly always there is one at once.
 * @throws ApiError when none is free in time
 */
export function pickFirst(wanted: Wanted, caller: Caller, parts: RelayParts): Pick | null | Promise<Pick | null> {
  const orThrow = (found: Pick | NoKey | null): Pick | null => {
    if (found === null || 'taken' in found) return found;
    throw noKeyError(found, wanted.model, parts);
  };
  const found = parts.pool.pick(wanted, caller);
  return found instanceof Promise ? found.then(orThrow) : orThrow(found);
}
