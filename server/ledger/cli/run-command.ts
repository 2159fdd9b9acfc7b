import { parseArgs } from 'node:util';
import type { Config } from '../../config.ts';
import { archive } from './archive.ts';
import { backup } from './backup.ts';
import type { Command } from './command.ts';
import { exportEvents } from './export.ts';
import { rebuild } from './rebuild.ts';
import { restore } from './restore.ts';
import { verify } from './verify.ts';

const commands: Readonly<Record<string, Command>> = {
  verify,
  rebuild,
  export: exportEvents,
  archive,
  backup,
  restore,
};

const usage = `usage: npm run ledger -- <command> [options] [--json]

${Object.values(commands)
  .map(({ usage: text }) => `  ${text}`)
  .join('\n')}

The last line is the result; the exit status is 0 when all is well. --json prints the result as JSON.`;

/** What a command line came to. */
export interface CommandResult {
  status: 0 | 1 | 2;
  /** The result; '' for none. */
  output: string;
  /** For the standard error; '' for nothing. */
  complaint: string;
}

/** Carries out `npm run ledger -- …`. @param readConfig Called only for a command that is understood. */
export async function runCommand([name = '', ...words]: string[], readConfig: () => Config): Promise<CommandResult> {
  const command = Object.hasOwn(commands, name) ? (commands[name] as Command) : undefined;
  const options = command && readOptions(command, words);
  if (!command || !options) return { status: 2, output: '', complaint: usage };
  try {
    const { isGood, sentence, data } = await command.run(options, readConfig());
    return { status: isGood ? 0 : 1, output: options.json ? JSON.stringify(data) : sentence, complaint: '' };
  } catch (error) {
    return { status: 1, output: '', complaint: (error as Error).message };
  }
}

function readOptions({ options }: Command, args: string[]) {
  try {
    return parseArgs({ args, options: { ...options, json: { type: 'boolean', default: false } } }).values;
  } catch {
    return null;
  }
}
