import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { describe, expect, test } from 'vitest';
import { connectionOf, DatabaseError, migrate, openDatabase } from '../../server/database.ts';
import { entities } from '../../server/entities.ts';
import { type CommandHandlers, LedgerUnavailable, Refusal } from '../../server/ledger/commands.ts';
import type { NewEvent } from '../../server/ledger/events.ts';
import { ledgerCommands } from '../../server/ledger/ledger-commands.ts';
import { UsageEvent } from '../../server/ledger/usage-event.entity.ts';
import { createBatchRunner } from '../../server/writer/batch.ts';
import { isTooLittle } from '../../server/writer/disk-watch.ts';
import { startWriter } from '../../server/writer/writer.ts';
import { openTestLedger, verify } from '../support/ledger.ts';
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

  test('is written after all when the disk is full and there is a reserve: what was begun is told to its end', async () => {
    const orm = await openDatabase(join(temporaryFolder(), 'pool.db'), entities, 'write');
    await migrate(orm);
    const connection = await connectionOf(orm);
    const pages = connection.pragma('page_count', { simple: true }) as number;
    let released = 0;
    const reserve = {
      release() {
        if (released++ > 0) return false;
        connection.pragma(`max_page_count = ${pages + 200}`);
        return true;
      },
    };
    const runner = await createBatchRunner(orm, ledgerCommands, 'boot', Date.now, reserve);
    const append = (event: NewEvent) => runner.run([{ name: 'ledger.append', input: { event } }]);
    const opened: string[] = [];
    connection.pragma(`max_page_count = ${pages + 40}`);
    for (let index = 0; released === 0; index++) {
      await append(history(`req_${index}`).accepted());
      opened.push(`req_${index}`);
    }
    for (const name of opened)
      expect(await append(history(name).completed())).toEqual([{ ok: true, result: undefined }]);
    const refused = [];
    for (let index = 0; refused.length === 0 && index < 5000; index++)
      refused.push(...(await append(history(`more_${index}`).accepted())).filter(({ ok }) => !ok));
    expect(refused).toEqual([{ ok: false, error: 'database or disk is full' }]);
    // What was there before is unharmed.
    expect((await verify(orm)).problem).toBeNull();
    await orm.close();
  });
});

describe('a ledger that is locked by another program', () => {
  test('waits, and loses nothing', async () => {
    const { ledger, file, verify } = await openTestLedger();
    const other = await openDatabase(file, entities, 'write');
    const connection = await connectionOf(other);
    connection.exec('begin immediate');
    let isWritten = false;
    const appended = ledger.append(history('req_1').accepted()).then(() => {
      isWritten = true;
    });
    // The writer is a thread of its own: the main thread, which the lock does not block, comes round many times meanwhile.
    for (let turn = 0; turn < 1000; turn++) await nextTurn();
    expect(isWritten).toBe(false);
    connection.exec('commit');
    await appended;
    await other.close();
    expect((await verify()).problem).toBeNull();
  });
});

describe('a ledger whose end is damaged', () => {
  test.each([
    ['a changed event', `update usage_event set body = body || ' ' where position = 2`],
    ['a missing event', 'delete from usage_event where position = 2'],
    ['a head that is elsewhere', 'update ledger_head set position = 9'],
  ])('is not written to: %s', async (_name, damage) => {
    const first = await openTestLedger();
    for (const name of ['req_1', 'req_2', 'req_3']) await first.ledger.append(history(name).accepted());
    await first.close();
    const orm = await openDatabase(first.file, entities, 'write');
    (await connectionOf(orm)).exec(`drop trigger usage_event_no_update; drop trigger usage_event_no_delete; ${damage}`);
    await orm.close();
    await expect(startWriter(first.file, 'boot')).rejects.toThrow(/^The ledger is damaged at position [239]/);
  });
});

test('the disk is low below 256 MiB, or below a twentieth of a small one', () => {
  const gib = 1024 ** 3;
  expect(isTooLittle(gib / 4 - 1, 100 * gib)).toBe(true);
  expect(isTooLittle(gib / 4, 100 * gib)).toBe(false);
  expect(isTooLittle(gib / 20 - 1, gib)).toBe(true);
  expect(isTooLittle(gib / 20 + 1, gib)).toBe(false);
});

test('while the disk is low nothing is begun, and what was begun is told to its end', async () => {
  let isLow = false;
  const writer = await startWriter(join(temporaryFolder(), 'pool.db'), 'boot', { mayBegin: () => !isLow });
  const append = (event: NewEvent) => writer.execute('ledger.append', { event });
  await append(history('req_1').accepted());
  isLow = true;
  await expect(append(history('req_2').accepted())).rejects.toThrow('The disk is nearly full.');
  await append(history('req_1').completed());
  await writer.close();
});
