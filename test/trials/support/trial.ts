/** How a trial is run. */
export interface TrialOptions {
  /** Of everything that is left to chance in the trial itself. */
  seed: number;
  /** A bug of `planted-bug.ts` that the server gets, to see that the trial finds it. */
  bug?: string | undefined;
  /** Whether times decide as well: not where other work shares the machine. */
  isTimed: boolean;
  /** Told how it goes, line by line. */
  tell(line: string): void;
}

/** What a trial found. */
export interface TrialResult {
  /** What is wrong, in words; none when the trial is passed. */
  problems: string[];
  /** In words: how much was tried, and what was measured. */
  figures: string[];
  /** What is proven by a trial without problems. */
  conclusion: string;
}

/** So much of a long list of problems is told. */
const toldMax = 20;

/** The line that a trial ends with. */
export function resultLine(name: string, { problems, figures, conclusion }: TrialResult): string {
  if (problems.length === 0) return `trial ${name} ok: ${conclusion}; ${figures.join('; ')}`;
  const more = problems.length > toldMax ? `; and ${problems.length - toldMax} more` : '';
  return `trial ${name} FAILED: ${problems.slice(0, toldMax).join('; ')}${more} (${figures.join('; ')})`;
}
