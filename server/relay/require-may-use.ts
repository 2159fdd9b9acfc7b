import { ApiError } from '../formats/api-error.ts';
import type { Call } from './parts.ts';

const shownCharactersMax = 100;

/** @param names What the caller asked for, and the id that would be called. @throws ApiError 404 when its key is not for that model */
export function requireMayUse({ mayUse }: Pick<Call, 'mayUse'>, requested: string, ...names: string[]): void {
  if (mayUse(requested, ...names)) return;
  const message = `This client key may not use the model "${requested.slice(0, shownCharactersMax)}".`;
  throw new ApiError(404, 'model_not_found', message, { param: 'model' });
}
