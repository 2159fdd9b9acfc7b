import { defineEntity, p } from '@mikro-orm/core';
import type { Connection } from '../../database.ts';
import type { RecordedEvent, Reservation, Settlement } from '../events.ts';
import type { Projection } from './projection.ts';

/** What of a budget is spent and reserved in one of its periods, in the budget's unit: requests, tokens or picodollars. */
const BudgetUseSchema = defineEntity({
  name: 'BudgetUse',
  tableName: 'budget_use',
  properties: {
    budgetId: p.string().primary(),
    /** Start of the period, ms since 1970. */
    periodStart: p.integer().primary(),
    spent: p.bigint('bigint'),
    reserved: p.bigint('bigint'),
  },
});
export class BudgetUse extends BudgetUseSchema.class {}
BudgetUseSchema.setClass(BudgetUse);

/**
 * Keeps `budget_use` in step. A reservation that would pass a strict limit is refused here, in the transaction of its event, whatever
 * decided to make it: no path leads around this.
 */
export function budgetsProjection(connection: Connection): Projection {
  // First the row, then the change: an update of a row that is not there would change nothing and refuse nothing.
  const begin = connection.prepare('insert or ignore into budget_use values (?, ?, 0, 0)');
  const reserve = connection.prepare(
    `update budget_use set reserved = reserved + @amount where budget_id = @budgetId and period_start = @periodStart
       and (@limit is null or spent + reserved + @amount <= @limit)`,
  );
  const settle = connection.prepare(
    'update budget_use set reserved = reserved - ?, spent = spent + ? where budget_id = ? and period_start = ?',
  );

  function onReserved({ budgetId, periodStart, amount, strictLimit }: Reservation): void {
    begin.run(budgetId, periodStart);
    const limit = strictLimit === null ? null : BigInt(strictLimit);
    const { changes } = reserve.run({ amount: BigInt(amount), budgetId, periodStart, limit });
    if (changes === 0) throw new Error(`A reservation would pass the limit of budget ${budgetId}.`);
  }

  function onSettled({ budgetId, periodStart, reserved, spent }: Settlement): void {
    const { changes } = settle.run(BigInt(reserved), BigInt(spent), budgetId, periodStart);
    if (changes === 0) throw new Error(`A settlement of budget ${budgetId}, of which nothing was reserved.`);
  }

  return {
    name: 'budget_use',
    isInline: true,
    orderedBy: 'budget_id, period_start',
    evolve(events: readonly RecordedEvent[]) {
      for (const { body } of events) {
        if (body.type === 'RequestAccepted') for (const reservation of body.reservations ?? []) onReserved(reservation);
        else if ('settlements' in body) for (const settlement of body.settlements ?? []) onSettled(settlement);
      }
    },
  };
}
