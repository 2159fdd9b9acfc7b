import { describe, expect, test } from 'vitest';
import type { NewEvent, RequestAborted, RequestAccepted, Reservation } from '../../server/ledger/events.ts';
import { BudgetUse } from '../../server/ledger/projections/budgets.ts';
import { openTestLedger } from '../support/ledger.ts';
import { history, usage } from '../support/request-history.ts';

const versions = { version: '1', nodeVersion: '24' };
const charge = { costPico: '75', priceId: 'gemini-3.8-flash@2026-09-23' };
const reservations: Reservation[] = [
  { budgetId: 'b/TOKENS', unit: 'TOKENS', periodStart: 0, amount: '500', strictLimit: '1000' },
  { budgetId: 'b/USD', unit: 'USD', periodStart: 0, amount: '9000', strictLimit: '10000' },
  { budgetId: 'b/REQUESTS', unit: 'REQUESTS', periodStart: 0, amount: '1', strictLimit: '5' },
];

function accepted(requestId: string, more: Partial<RequestAccepted> = {}): NewEvent {
  const event = history(requestId).accepted();
  return { ...event, body: { ...event.body, promptTokens: 100, ...more } as RequestAccepted };
}

/** What a start finds that follows on a death. */
async function dieAndStart(events: NewEvent[], seen: Parameters<typeof note>[1] = []) {
  const first = await openTestLedger();
  for (const event of events) await first.ledger.append(event);
  if (seen.length > 0) await note(first, seen);
  await first.close();
  const second = await openTestLedger(first.file);
  const { recovered } = await second.writer.execute('ledger.startNode', { ...versions, charges: { req_1: charge } });
  const entries = await second.ledger.read(events.length, 10);
  const budgets = await second.orm.em.fork().findAll(BudgetUse, { orderBy: { budgetId: 'asc' } });
  expect((await second.verify()).problem).toBeNull();
  return {
    recovered,
    closed: entries.map(({ body }) => body),
    budgets: budgets.map(({ spent, reserved }) => [spent, reserved]),
  };
}

function note(
  { writer }: Awaited<ReturnType<typeof openTestLedger>>,
  seen: { requestId: string; usage: ReturnType<typeof usage>; charge?: typeof charge }[],
) {
  return writer.execute('ledger.noteUsage', { seen });
}

describe('a request that a crash cut', () => {
  test('is closed with what its chunks had told by then', async () => {
    const seen = [{ requestId: 'req_1', usage: usage(90, 30), charge }];
    const { closed } = await dieAndStart([accepted('req_1')], seen);
    expect(closed[0]).toMatchObject({ by: 'crash-recovery', usageSource: 'last-seen', usage: usage(90, 30), charge });
  });

  test('is closed with what was reserved for its prompt when nothing was seen', async () => {
    const { closed, recovered } = await dieAndStart([accepted('req_1')]);
    expect(recovered).toBe(1);
    expect(closed[0]).toMatchObject({ usageSource: 'reserved', usage: usage(100, 0), charge });
    expect(closed[1]).toMatchObject({ type: 'NodeStarted', sqliteVersion: expect.stringMatching(/^3\./) });
  });

  test('gives back what it had reserved, once, and is charged what it is closed with', async () => {
    const { budgets } = await dieAndStart([accepted('req_1', { reservations })]);
    expect(budgets).toEqual([
      [1n, 0n],
      [100n, 0n],
      [75n, 0n],
    ]);
  });

  test('is not charged for calls twice that events tell', async () => {
    const call = { requestId: 'req_1', upstreamKeyId: 'uk_1', durationMs: 5, usage: usage(40, 2), charge };
    const events: NewEvent[] = [
      accepted('req_1', { reservations }),
      { body: { type: 'AttemptSucceeded', attempt: 1, ...call }, occurredAt: 1_700_000_000_000 },
    ];
    const { closed, budgets } = await dieAndStart(events);
    expect((closed[0] as RequestAborted).usage.totalTokens).toBe(0);
    expect(budgets).toEqual([
      [1n, 0n],
      [42n, 0n],
      [75n, 0n],
    ]);
  });

  test('is closed once, also when the start that closes it dies', async () => {
    const first = await openTestLedger();
    await first.ledger.append(accepted('req_1', { reservations }));
    await first.close();
    for (let start = 0; start < 3; start++) {
      const again = await openTestLedger(first.file);
      const { recovered } = await again.writer.execute('ledger.startNode', { ...versions, charges: { req_1: charge } });
      expect(recovered).toBe(start === 0 ? 1 : 0);
      await again.close();
    }
  });
});

test('the clock of the ledger does not step back when that of the machine does', async () => {
  const { ledger } = await openTestLedger();
  await ledger.append(history('req_1', Date.now() + 3_600_000).accepted());
  await ledger.append(history('req_1', 0).completed());
  const [first, second] = await ledger.read(0, 2);
  expect(second?.recordedAt).toBeGreaterThanOrEqual(first?.recordedAt as number);
});
