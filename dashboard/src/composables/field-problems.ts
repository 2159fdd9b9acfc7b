/** What is wrong with the fields of a form, by their path in the input, such as `budgets.0.limit`. */
export type FieldProblems = Readonly<Record<string, string>>;

export function toFieldProblems(fields: readonly { path: string[]; message: string }[]): FieldProblems {
  return Object.fromEntries(fields.map(({ path, message }) => [path.join('.'), message]));
}

/** The problems within a part of the input, by their path in it. */
export function problemsWithin(problems: FieldProblems, part: string): FieldProblems {
  const start = `${part}.`;
  const within = Object.entries(problems).filter(([path]) => path.startsWith(start));
  return Object.fromEntries(within.map(([path, message]) => [path.slice(start.length), message]));
}

/** The whole number in a text: null for an empty one, NaN for anything else. */
export function toWholeNumber(text: string, smallest: 0 | 1 = 1): number | null {
  const trimmed = text.trim();
  if (trimmed === '') return null;
  return /^\d+$/.test(trimmed) && Number(trimmed) >= smallest ? Number(trimmed) : Number.NaN;
}
