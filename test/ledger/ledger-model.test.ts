import { join } from 'node:path';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { connectionOf, migrate, openDatabase } from '../../server/database.ts';
import { entities } from '../../server/entities.ts';
import type { NewEvent, RequestAccepted, Reservation, UsageEventBody } from '../../server/ledger/events.ts';
import { keepingCommands } from '../../server/ledger/keeping/keeping-commands.ts';
import { ledgerCommands } from '../../server/ledger/ledger-commands.ts';
import { settle } from '../../server/ledger/settle.ts';
import { createBatchRunner } from '../../server/writer/batch.ts';
import { verify } from '../support/ledger.ts';
import { usage } from '../support/request-history.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';

const histories = 1000;
const stepsMax = 100;
const limit = 5000;
const promptTokens = 100;

/** What can happen. Numbers choose among the requests that there are. */
const step = fc.oneof(
  { weight: 16, arbitrary: fc.record({ kind: fc.constant('accept' as const), amount: fc.nat(1500) }) },
  {
    weight: 16,
    arbitrary: fc.record({
      kind: fc.constantFrom('complete' as const, 'fail' as const, 'abort' as const),
      which: fc.nat(),
      tokens: fc.nat(1500),
    }),
  },
  { weight: 4, arbitrary: fc.record({ kind: fc.constant('try' as const), which: fc.nat(), tokens: fc.nat(300) }) },
  { weight: 4, arbitrary: fc.record({ kind: fc.constant('adjust' as const), which: fc.nat(), tokens: fc.nat(300) }) },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant('again' as const), which: fc.nat() }) },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant('see' as const), tokens: fc.nat(900) }) },
  { weight: 1, arbitrary: fc.constant({ kind: 'crash' as const }) },
);

interface ModelRequest {
  id: string;
  isOpen: boolean;
  outcome: string;
  amount: number;
  /** What its events have told. */
  tokens: number;
  /** What the journal has seen of it; null for nothing. */
  seen: number | null;
}

/** Fifty lines that say what the ledger should hold. */
class Model {
  readonly requests: ModelRequest[] = [];
  spent = 0;
  reserved = 0;

  get open(): ModelRequest[] {
    return this.requests.filter(({ isOpen }) => isOpen);
  }

  mayAccept(amount: number): boolean {
    return this.spent + this.reserved + amount <= limit;
  }

  accept(id: string, amount: number): void {
    this.requests.push({ id, isOpen: true, outcome: 'IN_PROGRESS', amount, tokens: 0, seen: null });
    this.reserved += amount;
  }

  end(request: ModelRequest, outcome: string, tokens: number): void {
    request.isOpen = false;
    request.outcome = outcome;
    request.tokens += tokens;
    this.reserved -= request.amount;
    this.spent += request.tokens;
  }

  crash(): void {
    for (const request of this.open)
      this.end(request, 'FAILED', request.seen ?? (request.tokens > 0 ? 0 : promptTokens));
  }
}

test('a thousand histories of a hundred steps leave what a model of fifty lines says, crashes and all', async () => {
  const orm = await openDatabase(join(temporaryFolder(), 'pool.db'), entities, 'write');
  await migrate(orm);
  const connection = await connectionOf(orm);
  // A process that dies loses nothing that was committed; power cuts are another matter, and would take days here.
  connection.pragma('synchronous = OFF');
  const handlers = { ...ledgerCommands, ...keepingCommands };
  const start = () => createBatchRunner(orm, handlers, 'boot', Date.now);
  let runner = await start();
  let number = 0;

  let pending: { body: UsageEventBody; isTaken: boolean }[] = [];
  /** Sends an event off, together with others; whether it is taken is looked at when they are written. */
  const append = (body: UsageEventBody, isTaken = true) => void pending.push({ body, isTaken });
  const flush = async (): Promise<void> => {
    const commands = pending.map(({ body }) => {
      const event: NewEvent = { body, occurredAt: 1_700_000_000_000 };
      return { name: 'ledger.append', input: { event } };
    });
    const answers = await runner.run(commands);
    expect(answers.map(({ ok }) => ok)).toEqual(pending.map(({ isTaken }) => isTaken));
    pending = [];
  };

  await fc.assert(
    fc.asyncProperty(fc.array(step, { minLength: stepsMax, maxLength: stepsMax }), async (steps) => {
      const history = number++;
      const before = runner.headPosition();
      const model = new Model();
      const budgetId = `budget_${history}`;
      const pick = (requests: ModelRequest[], which: number) => requests[which % (requests.length || 1)];
      for (const now of steps) {
        switch (now.kind) {
          case 'accept': {
            const id = `req_${history}_${model.requests.length}`;
            const isTaken = model.mayAccept(now.amount);
            append(accepted(id, [reservationOf(budgetId, now.amount)]), isTaken);
            if (isTaken) model.accept(id, now.amount);
            break;
          }
          case 'complete':
          case 'fail':
          case 'abort': {
            const request = pick(model.open, now.which);
            if (!request) break;
            const reservations = [reservationOf(budgetId, request.amount)];
            const all = usage(request.tokens + now.tokens, 0);
            const settlements = settle(reservations, { usage: all, charge: undefined, hasFailed: false });
            append({ ...ended(request.id, now.kind, now.tokens), settlements } as UsageEventBody);
            model.end(request, outcomes[now.kind], now.tokens);
            break;
          }
          case 'try': {
            const request = pick(model.open, now.which);
            if (!request) break;
            const attempt = { attempt: 1, upstreamKeyId: 'uk_1', failure: 'transient', httpStatus: 503, durationMs: 1 };
            const used = now.tokens > 0 ? { usage: usage(now.tokens, 0) } : {};
            append({ type: 'AttemptFailed', requestId: request.id, ...attempt, ...used });
            request.tokens += now.tokens;
            break;
          }
          case 'adjust': {
            const request = pick(
              model.requests.filter(({ isOpen }) => !isOpen),
              now.which,
            );
            if (!request) break;
            append(adjusted(request.id, now.tokens, budgetId));
            request.tokens += now.tokens;
            model.spent += now.tokens;
            break;
          }
          case 'again': {
            // Nothing happens twice, whoever tries.
            const request = pick(model.requests, now.which);
            if (!request) break;
            append(accepted(request.id, []), false);
            if (!request.isOpen) append(ended(request.id, 'complete', 1), false);
            break;
          }
          case 'see': {
            await flush();
            const seen = model.open.map(({ id: requestId }) => ({ requestId, usage: usage(now.tokens, 0) }));
            await runner.run([{ name: 'ledger.noteUsage', input: { seen } }]);
            for (const request of model.open) request.seen = now.tokens;
            break;
          }
          case 'crash':
            await flush();
            runner = await start();
            await runner.run([{ name: 'ledger.startNode', input: { version: '1', nodeVersion: '24' } }]);
            model.crash();
            break;
        }
      }
      await flush();
      expect(stateOf(history, before)).toEqual({
        requests: model.requests.map(({ id, outcome, tokens }) => [id, outcome, tokens]),
        budget: model.requests.length > 0 ? [model.spent, model.reserved] : undefined,
      });
    }),
    { numRuns: histories, endOnFailure: true },
  );
  expect((await verify(orm)).problem).toBeNull();
  await orm.close();

  function stateOf(history: number, before: number) {
    const requests = connection
      .prepare(
        'select request_id, outcome, total_tokens from request where accepted_position > ? order by accepted_position',
      )
      .raw()
      .all(before);
    const budget = connection
      .prepare('select spent, reserved from budget_use where budget_id = ?')
      .raw()
      .get(`budget_${history}`);
    return { requests, budget };
  }
}, 120_000);

const outcomes = { complete: 'SUCCEEDED', fail: 'FAILED', abort: 'CANCELLED' };

function reservationOf(budgetId: string, amount: number): Reservation {
  return { budgetId, unit: 'TOKENS', periodStart: 0, amount: String(amount), strictLimit: String(limit) };
}

function accepted(requestId: string, reservations: Reservation[]): RequestAccepted {
  const about = { clientKeyId: 'ck_1', format: 'openai-chat', requestedModel: 'm', model: 'm' };
  const more = { isStreaming: false, upstreamKeyId: 'uk_1', bodyBytes: 1, promptTokens, reservations };
  return { type: 'RequestAccepted', requestId, ...about, ...more };
}

function ended(requestId: string, kind: 'complete' | 'fail' | 'abort', tokens: number): UsageEventBody {
  const ending = {
    requestId,
    attempt: 1,
    upstreamKeyId: 'uk_1',
    durationMs: 5,
    timeToFirstTokenMs: null,
    servedModel: null,
    usage: usage(tokens, 0),
    usageSource: 'upstream' as const,
  };
  if (kind === 'complete') return { type: 'RequestCompleted', ...ending, httpStatus: 200, finishReason: 'STOP' };
  if (kind === 'abort') return { type: 'RequestAborted', ...ending, by: 'client' };
  return { type: 'RequestFailed', ...ending, httpStatus: 503, code: 'x', message: 'x', upstreamStatus: 503 };
}

function adjusted(requestId: string, tokens: number, budgetId: string): UsageEventBody {
  return {
    type: 'UsageAdjusted',
    requestId,
    reason: 'drained',
    startedAt: 1_700_000_000_000,
    clientKeyId: 'ck_1',
    upstreamKeyId: 'uk_1',
    requestedModel: 'm',
    format: 'openai-chat',
    outcome: 'CANCELLED',
    usage: usage(tokens, 0),
    usageSource: 'upstream',
    settlements: [{ budgetId, periodStart: 0, reserved: '0', spent: String(tokens) }],
  };
}
