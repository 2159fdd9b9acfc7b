import { readdirSync, readFileSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { connectionOf, openDatabase } from '../../server/database.ts';
import { entities } from '../../server/entities.ts';
import { withScratch } from '../../server/ledger/cli/databases.ts';
import type { NewEvent } from '../../server/ledger/events.ts';
import { archiveDays, sealDays } from '../../server/ledger/keeping/keeper.ts';
import { rebuildProjections } from '../../server/ledger/rebuild.ts';
import { readUsage } from '../../server/ledger/usage-report.ts';
import { verifyLedger } from '../../server/ledger/verify.ts';
import { openTestLedger } from '../support/ledger.ts';
import { history, usage } from '../support/request-history.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';
import { writeHistory } from '../support/written-history.ts';

const dayMs = 86_400_000;
const firstDay = Date.parse('2026-11-01T00:00:00Z');
const nowMs = firstDay + 10 * dayMs;
const sign = (text: string) => `signed:${text.replaceAll('\n', '|')}`;
const requestsPerDay = 40;

/** Some requests on each of the first five days, one of them over midnight. */
function* fiveDays(): Generator<NewEvent> {
  for (let day = 0; day < 5; day++) {
    for (let index = 0; index < requestsPerDay; index++) {
      const at = firstDay + day * dayMs + index * 1000;
      const request = history(`req_${day}_${index}`, at);
      yield request.accepted();
      yield index % 3 === 0 ? request.aborted() : request.completed(usage(index, day));
    }
    const late = history(`req_late_${day}`, firstDay + (day + 1) * dayMs - 20);
    yield late.accepted();
    yield late.completed();
  }
}

/** The ledger of those days, sealed. */
async function openSealed() {
  const folder = temporaryFolder();
  const file = join(folder, 'pool.db');
  await writeHistory(file, fiveDays());
  const test = await openTestLedger(file);
  const connection = await connectionOf(test.orm);
  const parts = { execute: test.writer.execute, connection, sign, now: () => nowMs };
  await sealDays(parts);
  const verifySigned = () => withScratch((scratch) => verifyLedger(test.orm, scratch, () => {}, sign));
  const total = () => readUsage(connection, { fromMs: null, toMs: nowMs, timeZone: 'UTC', groupBy: 'model' });
  const archives = () => readdirSync(join(folder, 'archive')).map((name) => join(folder, 'archive', name));
  return { ...test, folder, connection, parts, verifySigned, total, archives };
}

describe('a day that is over', () => {
  test('is sealed once, with its last event, its sums and a signature', async () => {
    const { connection, parts, verifySigned } = await openSealed();
    const seals = connection.prepare('select day, from_position, to_position from ledger_seal').raw().all();
    const perDay = 2 * requestsPerDay + 2;
    expect(seals.slice(0, 2)).toEqual([
      // The last request of the day ended on the next one.
      ['2026-11-01', 1, perDay - 1],
      ['2026-11-02', perDay, 2 * perDay - 1],
    ]);
    expect(await sealDays(parts)).toBeNull();
    expect((await verifySigned()).problem).toBeNull();
  });

  test('that was sealed with another key is found', async () => {
    const { orm } = await openSealed();
    const verdict = await withScratch((scratch) =>
      verifyLedger(
        orm,
        scratch,
        () => {},
        () => 'other',
      ),
    );
    expect(verdict.problem).toBe('the signature of 2026-11-01 is wrong');
  });
});

describe('archived days', () => {
  test('leave the database, and every total stays as it was', async () => {
    const { connection, parts, total, verifySigned, archives, ledger } = await openSealed();
    const before = total();
    const count = () => connection.prepare('select count(*) from usage_event').pluck().get();
    const events = count() as number;
    const archived = await archiveDays(parts, '2026-11-04');
    expect(archived).toBe(3 * (2 * requestsPerDay + 2) - 1);
    // What tells of the archive is an event too.
    expect(count()).toBe(events - archived + 1);
    expect(archives()).toHaveLength(1);
    await ledger.caughtUp();
    expect({ ...total(), asOfPosition: 0 }).toEqual({ ...before, asOfPosition: 0 });
    expect((await verifySigned()).problem).toBeNull();
    expect(connection.prepare(`select count(*) from request where request_id like 'req_0_%'`).pluck().get()).toBe(0);
    expect(await archiveDays(parts, '2026-11-04')).toBe(0);
  });

  test('do not hold what was open when they ended', async () => {
    const folder = temporaryFolder();
    const file = join(folder, 'pool.db');
    await writeHistory(file, [history('req_open', firstDay).accepted(), ...fiveDays()]);
    const { orm, writer } = await openTestLedger(file);
    const parts = { execute: writer.execute, connection: await connectionOf(orm), sign, now: () => nowMs };
    await sealDays(parts);
    expect(await archiveDays(parts, '2026-11-04')).toBe(0);
  });

  test('rebuild the projections to the same bytes', async () => {
    const opened = await openSealed();
    const before = await opened.verifySigned();
    await archiveDays(opened.parts, '2026-11-03');
    await opened.close();
    const orm = await openDatabase(opened.file, entities, 'write');
    (await connectionOf(orm)).exec('update usage_bucket set total_tokens = 1; delete from request');
    await withScratch((scratch) => rebuildProjections(orm, scratch, () => {}));
    const after = await withScratch((scratch) => verifyLedger(orm, scratch, () => {}, sign));
    expect(after).toMatchObject({ problem: null, headPosition: before.headPosition + 1 });
    await orm.close();
  });

  test('that are missing, cut or changed are named', async () => {
    const { parts, verifySigned, archives } = await openSealed();
    await archiveDays(parts, '2026-11-03');
    const [file = ''] = archives();
    const bytes = readFileSync(file);
    truncateSync(file, bytes.length - 1);
    expect((await verifySigned()).problem).toBe(`the archive ${file} is not as it was written`);
    bytes.writeUInt8(bytes.readUInt8(100) ^ 1, 100);
    writeFileSync(file, bytes);
    expect((await verifySigned()).problem).toBe(`the archive ${file} is not as it was written`);
    rmSync(file);
    expect((await verifySigned()).problem).toBe(`the archive ${file} is missing`);
  });

  test('are all that the database lets go', async () => {
    const { parts, close, file } = await openSealed();
    await archiveDays(parts, '2026-11-03');
    await close();
    const orm = await openDatabase(file, entities, 'write');
    expect((await connectionOf(orm)).exec.bind(await connectionOf(orm), 'delete from usage_event')).toThrow(
      'append-only',
    );
    await orm.close();
  });

  test('are not archived before they are sealed', async () => {
    const { parts, writer } = await openSealed();
    await parts.execute('ledger.catchUp', {});
    const archived = { fromPosition: 1, toPosition: 100_000, file: 'x', sha256: 'x', headHash: 'x' };
    await expect(writer.execute('ledger.archive', { archived })).rejects.toThrow('not sealed');
  });
});
