import { ApiError } from './api-error.ts';

/** A model id is one segment of a path: whatever could lead elsewhere is no model. @throws ApiError 404 */
export function toModelId(requested: string): string {
  const id = requested.trim().replace(/^(models|google|gemini)\//, '');
  if (/^[A-Za-z0-9][\w.@-]{0,127}$/.test(id) && !id.includes('..')) return id;
  throw new ApiError(404, 'model_not_found', `The model "${requested.slice(0, 100)}" does not exist.`, {
    param: 'model',
  });
}
