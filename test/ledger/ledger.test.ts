import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { connectionOf, openDatabase } from '../../server/database.ts';
import { entities } from '../../server/entities.ts';
import { LedgerUnavailable } from '../../server/ledger/commands.ts';
import { Request } from '../../server/ledger/projections/requests.ts';
import { UsageBucket } from '../../server/ledger/projections/usage-buckets.ts';
import { openTestLedger } from '../support/ledger.ts';
import { history, usage } from '../support/request-history.ts';

describe('appending', () => {
  test('positions are gapless, in order, and chained by hash', async () => {
    const { ledger, verify } = await openTestLedger();
    await Promise.all(Array.from({ length: 50 }, (_, index) => ledger.append(history(`req_${index}`).accepted())));
    const entries = await ledger.read(0, 100);
    expect(entries.map((entry) => entry.position)).toEqual(Array.from({ length: 50 }, (_, index) => index + 1));
    expect(await verify()).toMatchObject({ isSound: true, eventCount: 50, headHash: entries.at(-1)?.hash });
  });

  test('what happens in one turn of the event loop is committed together', async () => {
    const { ledger, writer } = await openTestLedger();
    const heads: number[] = [];
    writer.onCommit((head) => heads.push(head));
    await Promise.all(Array.from({ length: 20 }, (_, index) => ledger.append(history(`req_${index}`).accepted())));
    expect(heads).toEqual([20]);
  });

  test('a request is accepted once and ends once, whatever is tried', async () => {
    const { ledger, verify } = await openTestLedger();
    const request = history('req_1');
    await ledger.append(request.accepted());
    const tries = await Promise.allSettled([
      ledger.append(request.accepted()),
      ledger.append(request.completed()),
      ledger.append(request.failed()),
      ledger.append(history('req_2').accepted()),
    ]);
    expect(tries.map(({ status }) => status)).toEqual(['rejected', 'fulfilled', 'rejected', 'fulfilled']);
    expect(tries[0]).toMatchObject({ reason: expect.any(LedgerUnavailable) });
    expect((await ledger.read(0, 10)).map(({ body }) => body.type)).toEqual([
      'RequestAccepted',
      'RequestCompleted',
      'RequestAccepted',
    ]);
    expect((await verify()).isSound).toBe(true);
  });

  test('the database refuses to change or remove an event', async () => {
    const { ledger, file } = await openTestLedger();
    await ledger.append(history('req_1').accepted());
    const intruder = await openDatabase(file, entities, 'write');
    const connection = await connectionOf(intruder);
    expect(() => connection.exec(`update usage_event set type = 'x'`)).toThrow('append-only');
    expect(() => connection.exec('delete from usage_event')).toThrow('append-only');
    await intruder.close();
  });
});

describe('verify', () => {
  test('names the first event that was tampered with', async () => {
    const { ledger, file, verify } = await openTestLedger();
    for (const name of ['req_1', 'req_2', 'req_3']) await ledger.append(history(name).accepted());
    const intruder = await openDatabase(file, entities, 'write');
    const connection = await connectionOf(intruder);
    connection.exec('drop trigger usage_event_no_update');
    connection.exec(
      `update usage_event set body = replace(body, '"bodyBytes":100', '"bodyBytes":1') where position = 2`,
    );
    await intruder.close();
    expect(await verify()).toMatchObject({ isSound: false, problem: 'position 2 does not match its hash' });
  });

  test('finds a figure that was changed in a projection', async () => {
    const { ledger, file, verify } = await openTestLedger();
    const request = history('req_1');
    await ledger.append(request.accepted());
    await ledger.append(request.completed());
    await ledger.caughtUp();
    const intruder = await openDatabase(file, entities, 'write');
    (await connectionOf(intruder)).exec('update usage_bucket set total_tokens = 0');
    await intruder.close();
    expect((await verify()).problem).toContain('usage_bucket differs');
  });
});

describe('projections', () => {
  test('a request row tells its attempts, its tokens and its end', async () => {
    const { ledger, orm } = await openTestLedger();
    const request = history('req_1');
    await ledger.append(request.accepted());
    await ledger.append(request.attemptFailed());
    await ledger.append(request.completed(usage(11, 7)));
    expect(await orm.em.fork().findOne(Request, { requestId: 'req_1' })).toMatchObject({
      outcome: 'SUCCEEDED',
      httpStatus: 200,
      totalTokens: 18,
      attempts: [
        { number: 1, failure: 'key_model_day', httpStatus: 429 },
        { number: 1, failure: null, httpStatus: 200 },
      ],
    });
  });

  test('a bucket sums the requests of its hour by how they ended', async () => {
    const { ledger, orm } = await openTestLedger();
    for (const [name, end] of [
      ['a', 'completed'],
      ['b', 'failed'],
      ['c', 'aborted'],
    ] as const) {
      await ledger.append(history(`req_${name}`).accepted());
      await ledger.append(history(`req_${name}`)[end]());
    }
    await ledger.caughtUp();
    const buckets = await orm.em.fork().findAll(UsageBucket, { orderBy: { outcome: 'asc' } });
    const told = ({ widthMs, outcome, requests, totalTokens, estimatedRequests }: UsageBucket) => {
      return [widthMs, outcome, requests, totalTokens, estimatedRequests];
    };
    for (const width of [60_000, 3_600_000, 86_400_000])
      expect(buckets.filter(({ widthMs }) => widthMs === width).map(told)).toEqual([
        [width, 'CANCELLED', 1, 4, 1],
        [width, 'FAILED', 1, 0, 0],
        [width, 'SUCCEEDED', 1, 15, 0],
      ]);
  });

  test('any history rebuilds to the same bytes', async () => {
    const ends = ['completed', 'failed', 'aborted', 'open', 'rejected'] as const;
    const story = fc.record({
      end: fc.constantFrom(...ends),
      retries: fc.nat(3),
      hour: fc.nat(30),
      tokens: fc.nat(1e9),
      signatures: fc.option(fc.record({ client: fc.nat(9), restored: fc.nat(9), placeholder: fc.nat(9) }), {
        nil: undefined,
      }),
    });
    await fc.assert(
      fc.asyncProperty(fc.array(story, { maxLength: 30 }), async (stories) => {
        const { ledger, verify, close } = await openTestLedger();
        await Promise.all(
          stories.map(async ({ end, retries, hour, tokens, signatures }, index) => {
            const request = history(`req_${index}`, 1_700_000_000_000 + hour * 3_600_000);
            if (end === 'rejected') return ledger.append(request.rejected());
            await ledger.append(request.accepted(signatures));
            for (let retry = 0; retry < retries; retry++) await ledger.append(request.attemptFailed());
            if (end === 'completed') await ledger.append(request.completed(usage(tokens, 1)));
            else if (end !== 'open') await ledger.append(request[end]());
          }),
        );
        if (stories.length % 2 === 0) await ledger.caughtUp();
        expect((await verify()).problem).toBeNull();
        await close();
      }),
      { numRuns: 5 },
    );
  });
});

describe('recovery', () => {
  test('a start closes what a dead process left open, once', async () => {
    const first = await openTestLedger();
    await first.ledger.append(history('req_1').accepted());
    await first.close();
    const second = await openTestLedger(first.file);
    const versions = { version: '1', nodeVersion: '24' };
    expect(await second.writer.execute('ledger.startNode', versions)).toEqual({ recovered: 1 });
    expect(await second.writer.execute('ledger.startNode', versions)).toEqual({ recovered: 0 });
    expect(await second.orm.em.fork().findOne(Request, { requestId: 'req_1' })).toMatchObject({
      outcome: 'FAILED',
      errorCode: 'crash-recovery',
      usageSource: 'unknown',
    });
    expect((await second.verify()).isSound).toBe(true);
  });
});

describe('following', () => {
  test('a reader that waits is let go at once when it leaves', async () => {
    const { ledger } = await openTestLedger();
    const stop = new AbortController();
    const next = ledger.follow(null, stop.signal).next();
    stop.abort();
    expect(await next).toEqual({ done: true, value: undefined });
  });

  test('a reader resumes after any position without loss or doubles', async () => {
    const { ledger } = await openTestLedger();
    for (let index = 0; index < 5; index++) await ledger.append(history(`req_${index}`).accepted());
    const stop = new AbortController();
    const seen: number[] = [];
    const reading = (async () => {
      for await (const { position } of ledger.follow(2, stop.signal)) {
        seen.push(position);
        if (position === 300) stop.abort();
      }
    })();
    for (let index = 5; index < 300; index++) void ledger.append(history(`req_${index}`).accepted());
    await reading;
    expect(seen).toEqual(Array.from({ length: 298 }, (_, index) => index + 3));
  });
});
