import { parseArgs } from 'node:util';
import { readConfig } from '../config.ts';
import { archive } from './cli/archive.ts';
import { backup } from './cli/backup.ts';
import type { Command } from './cli/command.ts';
import { exportEvents } from './cli/export.ts';
import { rebuild } from './cli/rebuild.ts';
import { restore } from './cli/restore.ts';
import { verify } from './cli/verify.ts';

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

try {
  process.exitCode = await main(process.argv.slice(2));
} catch (error) {
  console.error((error as Error).message);
  process.exitCode = 1;
}

async function main([name = '', ...words]: string[]): Promise<number> {
  const command = Object.hasOwn(commands, name) ? (commands[name] as Command) : undefined;
  const options = command && readOptions(command, words);
  if (!command || !options) {
    console.error(usage);
    return 2;
  }
  const { isGood, sentence, data } = await command.run(options, readConfig());
  console.log(options.json ? JSON.stringify(data) : sentence);
  return isGood ? 0 : 1;
}

function readOptions({ options }: Command, args: string[]) {
  try {
    return parseArgs({ args, options: { ...options, json: { type: 'boolean', default: false } } }).values;
  } catch {
    return null;
  }
}
