import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, test } from 'vitest';
import { connectionOf, openDatabase } from '../../server/database.ts';
import { entities } from '../../server/entities.ts';
import { openTestLedger } from '../support/ledger.ts';
import { history } from '../support/request-history.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';

const script = fileURLToPath(new URL('../../server/ledger/cli.ts', import.meta.url));

function run(folder: string, ...words: string[]) {
  const env = { PATH: process.env.PATH, DATA_DIR: folder, DATABASE_URL: 'sqlite:pool.db' };
  return spawnSync(process.execPath, [script, ...words], { cwd: folder, env, encoding: 'utf8' });
}

describe('npm run ledger', () => {
  test('verify calls an untouched ledger sound, also while it is written', async () => {
    const folder = temporaryFolder();
    const { ledger, verify } = await openTestLedger(join(folder, 'pool.db'));
    await ledger.append(history('req_1').accepted());
    const { status, stdout } = run(folder, 'verify', '--json');
    expect(JSON.parse(stdout)).toEqual(await verify());
    expect(status).toBe(0);
    expect(run(folder, 'verify').stdout).toMatch(/^SOUND: 1 events, head [0-9a-f]{64}, projections [0-9a-f]{64}\.\n$/);
  });

  test('verify says what is wrong and fails', async () => {
    const folder = temporaryFolder();
    const file = join(folder, 'pool.db');
    const { ledger, close } = await openTestLedger(file);
    await ledger.append(history('req_1').accepted());
    await close();
    const orm = await openDatabase(file, entities, 'write');
    (await connectionOf(orm)).exec('update ledger_head set position = 2');
    await orm.close();
    const { status, stdout } = run(folder, 'verify');
    expect(stdout).toBe('NOT SOUND: the head is at 2, the last event at 1.\n');
    expect(status).toBe(1);
  });

  test('says so when there is no database', () => {
    const { status, stdout, stderr } = run(temporaryFolder(), 'verify');
    expect([status, stdout]).toEqual([1, '']);
    expect(stderr).toContain('There is no database');
  });

  test.each([[], ['verfy'], ['verify', '--jsn']])('explains itself when called as %j', (...words) => {
    const { status, stderr } = run(temporaryFolder(), ...words.flat());
    expect(status).toBe(2);
    expect(stderr).toContain('usage: npm run ledger -- <command>');
  });
});
