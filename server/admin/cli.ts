import { randomUUIDv7 } from 'node:crypto';
import { createInterface } from 'node:readline/promises';
import { Writable } from 'node:stream';
import { parseArgs } from 'node:util';
import { readConfig } from '../config.ts';
import { openDatabase } from '../database.ts';
import { entities } from '../entities.ts';
import { lockDataDir } from '../lock-data-dir.ts';
import { startWriter } from '../writer/writer.ts';
import { Account } from './account.entity.ts';
import { requireGoodCredentials } from './admin.ts';
import { hashPassword } from './passwords.ts';

const usage = `usage: npm run admin -- reset-password [--username <name>] [--password-stdin]

Gives the owner a new password and ends every session. Stop the server first.
  --username        also gives the owner another name
  --password-stdin  reads the password from the first line of the standard input instead of asking`;

/** Something the person at the terminal can put right. */
class CannotReset extends Error {}

try {
  process.exitCode = await main(process.argv.slice(2));
} catch (error) {
  console.error((error as Error).message);
  process.exitCode = 1;
}

async function main(words: string[]): Promise<number> {
  const options = readOptions(words);
  if (!options) {
    console.error(usage);
    return 2;
  }
  const config = readConfig();
  if (config.adminPassword !== null) {
    throw new CannotReset('ADMIN_PASSWORD is set: it is the password at every start. Change it there and restart.');
  }
  const unlock = lockDataDir(config.dataDir);
  try {
    const username = await resetPassword(config.databaseFile, options.username, () =>
      options['password-stdin'] ? readFirstLine() : askTwice(),
    );
    console.log(`The password of ${username} is changed and every session has ended. Start the server and sign in.`);
    return 0;
  } finally {
    unlock();
  }
}

function readOptions(words: string[]) {
  try {
    const { values, positionals } = parseArgs({
      args: words,
      allowPositionals: true,
      options: { username: { type: 'string' }, 'password-stdin': { type: 'boolean', default: false } },
    });
    return positionals.length === 1 && positionals[0] === 'reset-password' ? values : null;
  } catch {
    return null;
  }
}

/** @returns The owner's name. */
async function resetPassword(databaseFile: string, newName: string | undefined, readPassword: () => Promise<string>) {
  const writer = await startWriter(databaseFile, randomUUIDv7());
  const orm = await openDatabase(databaseFile, entities, 'read');
  try {
    const owner = await orm.em.fork().findOne(Account, { role: 'OWNER' });
    if (!owner) throw new CannotReset('There is no owner yet. Start the server: it prints a setup code.');
    const username = newName ?? owner.username;
    const password = await readPassword();
    requireGoodCredentials(username, password);
    const passwordHash = await hashPassword(password);
    await writer.execute('account.setCredentials', { id: owner.id, username, passwordHash, actor: 'command-line' });
    return username;
  } finally {
    await writer.close();
    await orm.close();
  }
}

async function readFirstLine(): Promise<string> {
  const lines = createInterface({ input: process.stdin });
  for await (const line of lines) return line;
  return '';
}

async function askTwice(): Promise<string> {
  const password = await askHidden('New password: ');
  if (password !== (await askHidden('The same again: '))) throw new CannotReset('The two are not the same.');
  return password;
}

async function askHidden(question: string): Promise<string> {
  process.stderr.write(question);
  const nowhere = new Writable({ write: (_chunk, _encoding, done) => done() });
  const terminal = createInterface({ input: process.stdin, output: nowhere, terminal: true });
  try {
    return await terminal.question('');
  } finally {
    terminal.close();
    process.stderr.write('\n');
  }
}
