import type { NoKey } from '../pool/choose-key.ts';
import type { PoolKey } from '../pool/pool-key.ts';
import type { RelayParts } from './parts.ts';
import { noKeyError } from './to-api-error.ts';

/** The key for the first try of a request. @param only The id of the only one that may be used. @throws ApiError when none is free */
export function chooseFirst(model: string, only: string | null, parts: RelayParts): PoolKey {
  const choice: { key: PoolKey } | NoKey = parts.pool.choose(model, only);
  if ('key' in choice) return choice.key;
  throw noKeyError(choice, model, parts);
}
