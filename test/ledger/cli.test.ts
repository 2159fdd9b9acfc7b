import { spawnSync } from 'node:child_process';
import { dirname } from 'node:path';
import { expect, test } from 'vitest';
import { connectionOf, openDatabase } from '../../server/database.ts';
import { entities } from '../../server/entities.ts';
import { openTestLedger } from '../support/ledger.ts';
import { history } from '../support/request-history.ts';

function ledgerCommand(folder: string, ...args: string[]) {
  const env = { PATH: process.env.PATH, DATA_DIR: folder, DATABASE_URL: 'sqlite:pool.db' };
  return spawnSync(process.execPath, ['server/ledger/cli.ts', ...args], { env, encoding: 'utf8' });
}

test('verify tells a sound ledger from one that was tampered with, by its exit status', async () => {
  const { ledger, file } = await openTestLedger();
  await ledger.append(history('req_1').accepted());
  await ledger.append(history('req_1').completed());
  const sound = ledgerCommand(dirname(file), 'verify', '--json');
  expect([sound.status, JSON.parse(sound.stdout)]).toMatchObject([0, { isSound: true, eventCount: 2 }]);

  const intruder = await openDatabase(file, entities, 'write');
  const connection = await connectionOf(intruder);
  connection.exec('drop trigger usage_event_no_delete');
  connection.exec('delete from usage_event where position = 1');
  await intruder.close();
  const broken = ledgerCommand(dirname(file), 'verify');
  expect([broken.status, broken.stdout.trim()]).toEqual([1, 'NOT SOUND: position 1 is missing']);
});

test('a wrong call prints how it is used', () => {
  const wrong = ledgerCommand('.', 'frobnicate');
  expect([wrong.status, wrong.stderr]).toEqual([2, expect.stringContaining('Usage: npm run ledger -- verify')]);
});
