import { ApiError } from '../formats/api-error.ts';
import type { NativeRequest } from './native-call.ts';
import type { Call } from './parts.ts';

const shownCharactersMax = 100;

/** @param names What the caller asked for, and the id that would be called. @throws ApiError 404 when its key is not for that model */
export function requireMayUse({ mayUse }: Pick<Call, 'mayUse'>, requested: string, ...names: string[]): void {
  if (mayUse(requested, ...names)) return;
  const message = `This client key may not use the model "${requested.slice(0, shownCharactersMax)}".`;
  throw new ApiError(404, 'model_not_found', message, { param: 'model' });
}

/** For requests that may name any model. @throws ApiError 403 when the caller's key is held to some */
export function requireMayUseAll({ mayUseAll }: Pick<NativeRequest, 'mayUseAll'>): void {
  if (mayUseAll) return;
  const message =
    'This client key is held to some models, and what a file of requests names is not looked into: send the requests of the batch inline.';
  throw new ApiError(403, 'permission_denied', message);
}
