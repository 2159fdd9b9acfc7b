import type { Charge, Reservation, Settlement, TokenUsage } from './events.ts';

/** What a request came to. */
export interface Spent {
  usage: TokenUsage;
  charge: Charge | undefined;
  /** It ended without an answer, and not by its caller. */
  hasFailed: boolean;
}

/** Gives every reservation back and takes what was really used. A request that failed before it used anything counts as none. */
export function settle(reservations: readonly Reservation[], spent: Spent): Settlement[] {
  return reservations.map(({ budgetId, periodStart, amount, unit }) => ({
    budgetId,
    periodStart,
    reserved: amount,
    spent: spentIn(unit, spent),
  }));
}

function spentIn(unit: Reservation['unit'], { usage, charge, hasFailed }: Spent): string {
  switch (unit) {
    case 'REQUESTS':
      return hasFailed && usage.totalTokens === 0 ? '0' : '1';
    case 'TOKENS':
      return String(usage.totalTokens);
    case 'USD':
      return charge?.costPico ?? '0';
  }
}
