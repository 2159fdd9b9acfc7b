import { spawn } from 'node:child_process';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';
import { loadAdmin } from '../../server/admin/admin.ts';
import { DataDirInUse, lockDataDir } from '../../server/lock-data-dir.ts';
import { openTestLedger } from '../support/ledger.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';

const program = fileURLToPath(new URL('../../server/admin/cli.ts', import.meta.url));

async function run(folder: string, words: string[], input = '', settings: Record<string, string> = {}) {
  const child = spawn(process.execPath, [program, ...words], {
    cwd: folder,
    env: { PATH: process.env.PATH, DATA_DIR: folder, ...settings },
  });
  let output = '';
  for (const stream of [child.stdout, child.stderr]) {
    stream.on('data', (text) => {
      output += text;
    });
  }
  child.stdin.end(input);
  const { promise, resolve } = Promise.withResolvers<number | null>();
  child.on('close', resolve);
  return { status: await promise, output };
}

/** A data folder whose owner is `admin`. */
async function folderWithOwner() {
  const folder = temporaryFolder();
  const { file, writer, orm, close } = await openTestLedger(join(folder, 'gemini-pool.db'));
  await load({ writer, orm }, 'the old password');
  await close();
  return { folder, file };
}

function load({ writer, orm }: Pick<Awaited<ReturnType<typeof openTestLedger>>, 'writer' | 'orm'>, password?: string) {
  const owner = { username: 'admin', password: password ?? null };
  return loadAdmin({ execute: writer.execute, orm, jwtSecret: 'x'.repeat(32), owner, now: Date.now });
}

test('gives the owner a new password', async () => {
  const { folder, file } = await folderWithOwner();
  const words = ['reset-password', '--username', 'owner', '--password-stdin'];
  const { status, output } = await run(folder, words, 'the new password\n');
  expect(output).toContain('The password of owner is changed');
  expect(output).not.toContain('the new password');
  expect(status).toBe(0);
  const admin = await load(await openTestLedger(file));
  await admin.sessionCreate({ username: 'owner', password: 'the new password' }, '127.0.0.1');
  const old = admin.sessionCreate({ username: 'admin', password: 'the old password' }, '127.0.0.1');
  await expect(old).rejects.toThrow('wrong');
});

test('says why it cannot, and changes nothing', async () => {
  const { folder } = await folderWithOwner();
  const words = ['reset-password', '--password-stdin'];
  expect(await run(folder, words, 'short\n')).toMatchObject({
    status: 1,
    output: expect.stringMatching(/12 to 128 characters/),
  });
  expect(await run(folder, words, '')).toMatchObject({
    status: 1,
    output: expect.stringMatching(/12 to 128 characters/),
  });
  const fromEnvironment = await run(folder, words, 'long enough to take\n', { ADMIN_PASSWORD: 'x' });
  expect(fromEnvironment).toMatchObject({ status: 1, output: expect.stringMatching(/ADMIN_PASSWORD is set/) });
  const unlock = lockDataDir(folder);
  expect(await run(folder, words, 'long enough to take\n')).toMatchObject({
    status: 1,
    output: expect.stringMatching(/Stop it first/),
  });
  unlock();
  const noOwner = await run(temporaryFolder(), words, 'long enough to take\n');
  expect(noOwner).toMatchObject({ status: 1, output: expect.stringMatching(/no owner yet/) });
});

test.each([[[]], [['reset']], [['reset-password', '--force']]])('shows its usage for %j', async (words) => {
  expect(await run(temporaryFolder(), words)).toMatchObject({ status: 2, output: expect.stringMatching(/^usage: /) });
});

test('a data folder has one process at a time', () => {
  const folder = temporaryFolder();
  const unlock = lockDataDir(folder);
  expect(() => lockDataDir(folder)).toThrow(DataDirInUse);
  unlock();
  lockDataDir(folder)();
});
