/** Secrets that stand in documents or were built into the old program: everybody knows them. */
const knownExamples = new Set([
  'your_jwt_secret_here',
  'your_jwt_secret_change_in_production',
  'default_jwt_secret_change_in_production',
]);

/** Whether a secret was copied from an example instead of made. */
export function isKnownExample(text: string): boolean {
  return knownExamples.has(text.trim().toLowerCase());
}
