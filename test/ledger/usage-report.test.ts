import { describe, expect, test } from 'vitest';
import { connectionOf } from '../../server/database.ts';
import { findRequest, findRequests } from '../../server/ledger/projections/requests.ts';
import { readUsage, usageTotalsBy } from '../../server/ledger/usage-report.ts';
import { openTestLedger } from '../support/ledger.ts';
import { history, usage } from '../support/request-history.ts';

const at = (text: string) => Date.parse(text);
const noon = at('2026-03-08T12:30:00Z');
const hourMs = 3_600_000;

/** Two requests at noon (one still open), one refused three hours later. */
async function openSmallLedger() {
  const { ledger, orm } = await openTestLedger();
  await ledger.append(history('req_done', noon).accepted());
  await ledger.append(history('req_done', noon).completed(usage(11, 7)));
  await ledger.append(history('req_open', noon).accepted());
  await ledger.append(history('req_refused', noon + 3 * hourMs).rejected());
  await ledger.caughtUp();
  return { ledger, orm, connection: await connectionOf(orm) };
}

const everything = { fromMs: null, toMs: noon + 24 * hourMs, timeZone: 'UTC' };

describe('a usage report', () => {
  test('counts ended, open and refused requests', async () => {
    const { connection } = await openSmallLedger();
    const { total, asOfPosition } = readUsage(connection, everything);
    expect(total).toMatchObject({ requests: 3, succeeded: 1, rejected: 1, failed: 0, totalTokens: 18 });
    expect(total.lastUsedAt).toBe(noon + 3 * hourMs);
    expect(asOfPosition).toBe(4);
  });

  test('of nothing is zero', async () => {
    const { orm } = await openTestLedger();
    const report = readUsage(await connectionOf(orm), { ...everything, interval: 'HOUR', groupBy: 'model' });
    expect(report).toMatchObject({ total: { requests: 0, totalTokens: 0, lastUsedAt: null }, series: [], groups: [] });
  });

  test('has a point for every hour of its range, quiet ones too', async () => {
    const { connection } = await openSmallLedger();
    const { series } = readUsage(connection, {
      ...everything,
      fromMs: noon - hourMs,
      toMs: noon + 4 * hourMs,
      interval: 'HOUR',
    });
    expect(series.map(({ startMs, totals }) => [new Date(startMs).getUTCHours(), totals.requests])).toEqual([
      [11, 0],
      [12, 2],
      [13, 0],
      [14, 0],
      [15, 1],
      [16, 0],
    ]);
  });

  test('cuts days where they begin in the time zone', async () => {
    const { connection } = await openSmallLedger();
    const { series } = readUsage(connection, {
      ...everything,
      toMs: at('2026-03-09T00:00:00Z'),
      interval: 'DAY',
      timeZone: 'Asia/Tokyo',
    });
    expect(series.map(({ startMs, totals }) => [new Date(startMs).toISOString(), totals.requests])).toEqual([
      ['2026-03-07T15:00:00.000Z', 2],
      ['2026-03-08T15:00:00.000Z', 1],
    ]);
  });

  test('groups and filters', async () => {
    const { connection } = await openSmallLedger();
    const { groups } = readUsage(connection, { ...everything, groupBy: 'upstreamKeyId' });
    expect(groups.map(({ id, totals }) => [id, totals.requests])).toEqual([
      ['uk_1', 2],
      ['', 1],
    ]);
    const filter = { model: 'gpt-x' };
    expect(readUsage(connection, { ...everything, filter }).total).toMatchObject({ requests: 1, rejected: 1 });
  });

  test('counts how thought signatures came, of open requests too', async () => {
    const { ledger, orm, connection } = await openSmallLedger();
    await ledger.append(history('req_signed', noon).accepted({ client: 3, restored: 2, placeholder: 1 }));
    await ledger.append(history('req_signed', noon).failed());
    await ledger.append(history('req_open_signed', noon).accepted({ client: 0, restored: 5, placeholder: 0 }));
    await ledger.caughtUp();
    const counts = { clientSignatures: 3, restoredSignatures: 7, placeholderSignatures: 1 };
    expect(readUsage(connection, everything).total).toMatchObject({ requests: 5, ...counts });
    expect(usageTotalsBy(connection, 'clientKeyId', ['ck_1'], noon).get('ck_1')).toMatchObject(counts);
    expect(await findRequest(orm, 'req_open_signed')).toMatchObject({ clientSignatures: 0, restoredSignatures: 5 });
    const without = { clientSignatures: 0, restoredSignatures: 0, placeholderSignatures: 0 };
    expect(await findRequest(orm, 'req_done')).toMatchObject(without);
    expect(await findRequest(orm, 'req_refused')).toMatchObject(without);
  });

  test('counts the signatures of a request with several upstream calls once', async () => {
    const { ledger, orm } = await openTestLedger();
    const request = history('req_1', noon);
    const call = { requestId: 'req_1', upstreamKeyId: 'uk_1', durationMs: 5, usage: usage(1, 1) };
    await ledger.append(request.accepted({ client: 1, restored: 2, placeholder: 3 }));
    for (const attempt of [1, 2]) {
      await ledger.append({ body: { type: 'AttemptSucceeded', attempt, ...call }, occurredAt: noon });
    }
    const counts = { requests: 1, clientSignatures: 1, restoredSignatures: 2, placeholderSignatures: 3 };
    const connection = await connectionOf(orm);
    await ledger.caughtUp();
    expect(readUsage(connection, everything).total).toMatchObject(counts);
    await ledger.append(request.completed());
    await ledger.caughtUp();
    expect(readUsage(connection, everything).total).toMatchObject(counts);
  });

  test('tells the totals of many keys at once', async () => {
    const { connection } = await openSmallLedger();
    const totals = usageTotalsBy(connection, 'upstreamKeyId', ['uk_1', 'uk_never'], noon);
    expect(totals.get('uk_1')).toMatchObject({ requests: 2, totalTokens: 18, lastUsedAt: noon });
    expect(totals.get('uk_never')).toMatchObject({ requests: 0, lastUsedAt: null });
  });
});

describe('the list of requests', () => {
  test('goes page by page from the newest', async () => {
    const { orm } = await openSmallLedger();
    const first = await findRequests(orm, { first: 2, after: null });
    expect(first.nodes.map(({ requestId }) => requestId)).toEqual(['req_refused', 'req_open']);
    expect(first).toMatchObject({ hasNextPage: true, totalCount: 3 });
    const second = await findRequests(orm, { first: 2, after: first.endCursor });
    expect(second.nodes.map(({ requestId }) => requestId)).toEqual(['req_done']);
    expect(second.hasNextPage).toBe(false);
  });

  test('can be narrowed', async () => {
    const { orm } = await openSmallLedger();
    const query = { first: 10, after: null };
    expect((await findRequests(orm, { ...query, outcomes: ['IN_PROGRESS', 'REJECTED'] })).totalCount).toBe(2);
    expect((await findRequests(orm, { ...query, model: 'gpt-x' })).totalCount).toBe(1);
    expect((await findRequests(orm, { ...query, clientKeyId: 'ck_other' })).totalCount).toBe(0);
  });

  test('finds one by its id', async () => {
    const { orm } = await openSmallLedger();
    expect(await findRequest(orm, 'req_done')).toMatchObject({ outcome: 'SUCCEEDED', isStreaming: false });
    expect(await findRequest(orm, 'req_nowhere')).toBeNull();
  });
});
