import { readConfig } from '../config.ts';
import { runCommand } from './cli/run-command.ts';

const { status, output, complaint } = await runCommand(process.argv.slice(2), () => readConfig());
if (complaint) console.error(complaint);
if (output) console.log(output);
process.exitCode = status;
