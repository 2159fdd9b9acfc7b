import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { DatabaseError, migrate, openDatabase } from '../../server/database.ts';
import { entities } from '../../server/entities.ts';
import { type CommandHandlers, LedgerUnavailable, Refusal } from '../../server/ledger/commands.ts';
import { UsageEvent } from '../../server/ledger/usage-event.entity.ts';
import { createBatchRunner } from '../../server/writer/batch.ts';
import { startWriter } from '../../server/writer/writer.ts';
import { openTestLedger } from '../support/ledger.ts';
import { history } from '../support/request-history.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';

const clientKey = (id: string, secretHash: string) => ({
  id,
  name: id,
  secretHash,
  prefix: 'gp_',
  lastFour: 'abcd',
  actor: 'command-line',
});

describe('the writer', () => {
  test('a refused command of a batch fails alone, with its code', async () => {
    const { writer, ledger } = await openTestLedger();
    const [first, second, append] = await Promise.allSettled([
      writer.execute('clientKey.create', clientKey('ck_1', 'same')),
      writer.execute('clientKey.create', clientKey('ck_2', 'same')),
      ledger.append(history('req_1').accepted()),
    ]);
    expect([first?.status, append?.status]).toEqual(['fulfilled', 'fulfilled']);
    expect(second).toMatchObject({ reason: expect.any(Refusal) });
    expect(second).toMatchObject({ reason: { code: 'conflict' } });
    expect((await ledger.read(0, 10)).map(({ body }) => body.type)).toEqual(['ClientKeyCreated', 'RequestAccepted']);
  });

  test('a full queue refuses new requests and takes the end of old ones', async () => {
    const { writer, ledger, close } = await openTestLedger();
    await ledger.append(history('req_old').accepted());
    const waiting = Array.from({ length: 10_000 }, (_, index) => ledger.append(history(`req_${index}`).accepted()));
    const tooMuch = ledger.append(history('req_more').accepted());
    const end = ledger.append(history('req_old').completed());
    expect(writer.queueLength()).toBe(10_001);
    await expect(tooMuch).rejects.toThrow(LedgerUnavailable);
    await Promise.all([...waiting, end]);
    expect(ledger.headPosition()).toBe(10_002);
    await close();
  });

  test('closing carries out what is queued and refuses what comes later', async () => {
    const { writer, ledger, close } = await openTestLedger();
    const queued = ledger.append(history('req_1').accepted());
    const closing = close();
    await expect(ledger.append(history('req_2').accepted())).rejects.toThrow('shutting down');
    await queued;
    await closing;
    expect(writer.queueLength()).toBe(0);
  });

  test('does not start on a file that is no database', async () => {
    const file = join(temporaryFolder(), 'pool.db');
    writeFileSync(file, 'these are not the bytes of a database'.repeat(100));
    await expect(startWriter(file, 'boot')).rejects.toThrow(DatabaseError);
  });
});

describe('a batch', () => {
  async function openRunner(handlers: CommandHandlers, clock = () => 1_700_000_000_000) {
    const orm = await openDatabase(join(temporaryFolder(), 'pool.db'), entities, 'write');
    await migrate(orm);
    return { orm, runner: await createBatchRunner(orm, handlers, 'boot', clock) };
  }
  const failWith = (code: string) => () => {
    throw Object.assign(new Error('disk trouble'), { code });
  };

  test('is never recorded before the one it follows, even when the clock steps back', async () => {
    const times = [3000, 2000, 4000];
    const stop = () => ({ events: [{ body: { type: 'NodeStopped' as const }, occurredAt: 1 }], result: null });
    const { orm, runner } = await openRunner({ stop }, () => times.shift() ?? 0);
    for (let count = 0; count < 3; count++) await runner.run([{ name: 'stop', input: null }]);
    const rows = await orm.em.fork().findAll(UsageEvent, { orderBy: { position: 'asc' } });
    expect(rows.map(({ recordedAt }) => recordedAt)).toEqual([3000, 3000, 4000]);
    await orm.close();
  });

  test('gives up for good when the disk is broken', async () => {
    const { orm, runner } = await openRunner({ write: failWith('SQLITE_IOERR_FSYNC') });
    await expect(runner.run([{ name: 'write', input: null }])).rejects.toThrow('disk trouble');
    await orm.close();
  });

  test('fails its commands and goes on when the disk is full', async () => {
    const stopped = { body: { type: 'NodeStopped' as const }, occurredAt: 1 };
    const { orm, runner } = await openRunner({
      write: failWith('SQLITE_FULL'),
      stop: () => ({ events: [stopped], result: 'done' }),
    });
    expect(await runner.run([{ name: 'write', input: null }])).toEqual([{ ok: false, error: 'disk trouble' }]);
    expect(await runner.run([{ name: 'stop', input: null }])).toEqual([{ ok: true, result: 'done' }]);
    expect(runner.headPosition()).toBe(1);
    await orm.close();
  });
});
