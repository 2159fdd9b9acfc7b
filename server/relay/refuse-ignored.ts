import { invalidRequest } from '../formats/api-error.ts';

const shownCharactersMax = 100;

/** For an operator who wants to hear of what has no effect. @throws ApiError naming the first of the fields */
export function refuseIgnored([param]: readonly string[]): void {
  if (param === undefined) return;
  const shown = param.slice(0, shownCharactersMax);
  throw invalidRequest(`\`${shown}\` is not known here, or has no effect.`, shown, 'unknown_parameter');
}
