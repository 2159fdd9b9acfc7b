import leven from 'leven';
import { ApiError } from '../formats/api-error.ts';

const closeNamesMax = 3;
const shownCharactersMax = 100;
/** So many characters name a model well enough to be told what begins with them. */
const prefixCharactersMin = 4;

/** An id without the prefixes that clients and their routers put before it; that of a tuned model, `tunedModels/`, is a part of it. */
export function plainId(requested: string): string {
  return requested.trim().replace(/^(?:(?:models|google|gemini)\/)+/i, '');
}

/** An id in the case that all of Google's ids have. */
export function lowerCaseId(id: string): string {
  return id.toLowerCase().replace(/^tunedmodels\//, 'tunedModels/');
}

/** Whether an id can be called upstream: there it is one segment of a path, and whatever could lead elsewhere is no model. */
export function isModelId(id: string): boolean {
  return /^(?:tunedModels\/)?[A-Za-z0-9][\w.@-]{0,127}$/.test(id) && !id.includes('..');
}

/** For a model that the caller cannot be served with. @param known Ids that it could have meant. */
export function modelNotFound(requested: string, known: readonly string[], problem = 'does not exist'): ApiError {
  const shown = requested.slice(0, shownCharactersMax);
  const close = closeNames(shown, known);
  const hint = close.length > 0 ? ` Did you mean ${orList(close)}?` : '';
  return new ApiError(404, 'model_not_found', `The model "${shown}" ${problem}.${hint}`, { param: 'model' });
}

/** The known ids that a mistyped or shortened one may stand for, nearest first; none for one that is right. */
function closeNames(requested: string, known: readonly string[]): string[] {
  if (known.includes(plainId(requested))) return [];
  const id = plainId(requested).toLowerCase();
  const distanceMax = Math.max(1, Math.floor(id.length / 4));
  const isBeginning = (name: string) => id.length >= prefixCharactersMin && name.toLowerCase().startsWith(id);
  return known
    .map((name) => ({ name, distance: leven(id, name.toLowerCase()) }))
    .filter(({ name, distance }) => distance <= distanceMax || isBeginning(name))
    .sort((a, b) => a.distance - b.distance)
    .slice(0, closeNamesMax)
    .map(({ name }) => name);
}

const orList = (names: string[]) => new Intl.ListFormat('en', { type: 'disjunction' }).format(names);
