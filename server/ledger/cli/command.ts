import type { ParseArgsOptionsConfig } from 'node:util';
import type { Config } from '../../config.ts';

/** What a command came to: a sentence for people, data for programs. */
export interface Outcome {
  isGood: boolean;
  sentence: string;
  data: object;
}

export type Options = Readonly<Record<string, string | boolean | undefined>>;

/** One command of `npm run ledger`. */
export interface Command {
  /** For the list of commands. */
  usage: string;
  /** Beside `--json`, which all have. */
  options: ParseArgsOptionsConfig;
  /** @throws Error whose message says all, for what the person at the terminal can put right */
  run(options: Options, config: Config): Promise<Outcome>;
}
