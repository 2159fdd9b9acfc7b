import type { Rest } from './choose-key.ts';
import type { Failure } from './classify-failure.ts';
import type { PoolKey } from './pool-key.ts';
import type { QuotaLimit } from './quota.ts';

/** Something about a key that people can see has changed. The end of a rest is told by the clock alone. */
export type KeyChange = { key: PoolKey } & (
  | { kind: 'added' | 'removed' | 'switched' }
  /** A request was answered, or Google accepted the key when it was asked. */
  | { kind: 'restored'; by: 'request' | 'check' }
  | { kind: 'rejected'; failure: Failure }
  /** For a model, or for all (null). */
  | { kind: 'rested'; model: string | null; rest: Rest; failure: Failure }
  /** Limits of its quotas that were not known. */
  | { kind: 'learned'; model: string; limits: readonly QuotaLimit[] }
  /** Google named the project behind it. */
  | { kind: 'placed'; project: string }
);
