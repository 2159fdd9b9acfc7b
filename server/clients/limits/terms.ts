import type { BudgetTerms } from '../../ledger/events.ts';

/** What an operator has set for a client key beside its name and its models. Null: no limit. */
export interface ClientTerms {
  /** From when on it is refused, ms since 1970. */
  expiresAt: number | null;
  /** CIDR ranges or addresses it may be used from. */
  allowedAddresses: readonly string[] | null;
  /** Browser origins it may be used from; programs that are no browsers send none and may. */
  allowedOrigins: readonly string[] | null;
  requestsPerMinute: number | null;
  tokensPerMinute: number | null;
  /** At the same time. */
  concurrentRequests: number | null;
  budgets: readonly Budget[];
}

export type Budget = BudgetTerms;

/** A budget as it is wished for, before it has an id. */
export type WantedBudget = Omit<Budget, 'id'>;

export const noTerms: ClientTerms = {
  expiresAt: null,
  allowedAddresses: null,
  allowedOrigins: null,
  requestsPerMinute: null,
  tokensPerMinute: null,
  concurrentRequests: null,
  budgets: [],
};

/** Two budgets that count the same are one: raising its limit does not begin it anew. */
export function budgetId(clientKeyId: string, { unit, period, timeZone, model }: WantedBudget): string {
  return [clientKeyId, unit, period, timeZone, model ?? '*'].join('/');
}

/** Whether anything is counted for such a key. */
export function hasLimits(terms: ClientTerms): boolean {
  const { requestsPerMinute, tokensPerMinute, concurrentRequests, budgets } = terms;
  return requestsPerMinute !== null || tokensPerMinute !== null || concurrentRequests !== null || budgets.length > 0;
}

/** As events and the database have them: what is as usual is left out. */
export function shownTerms({ budgets, ...terms }: ClientTerms): ShownTerms {
  const told = Object.entries(terms).filter(([, value]) => value !== null);
  return { ...Object.fromEntries(told), ...(budgets.length > 0 && { budgets: [...budgets] }) };
}

interface ShownTerms {
  expiresAt?: number;
  allowedAddresses?: string[];
  allowedOrigins?: string[];
  requestsPerMinute?: number;
  tokensPerMinute?: number;
  concurrentRequests?: number;
  budgets?: Budget[];
}
