import { connectionOf, type Orm } from '../../database.ts';
import { dayMs, minuteMs } from '../../ledger/calendar.ts';
import type { Reservation, Settlement } from '../../ledger/events.ts';
import { MinuteWindow } from '../../ledger/minute-window.ts';
import { type Spent, settle } from '../../ledger/settle.ts';
import { admit, type BudgetState, type ClientUse, type Need, type Refusal } from './admit.ts';
import { periodOf } from './budget-period.ts';
import { type ClientTerms, hasLimits } from './terms.ts';

/** Who is limited, and how. */
export interface LimitedClient {
  id: string;
  terms: ClientTerms;
}

/** A request that may be made. It ends with the first of `settle` and `release`; later ones change nothing. */
export interface Admission {
  /** To be written into the event that accepts the request. */
  reservations: readonly Reservation[];
  /** How long its answer may be at most, because a strict budget pays for no more; null: as long as its caller lets it be. */
  outputTokensMax: number | null;
  /** The request has ended. @returns what its last event has to say */
  settle(spent: Spent): Settlement[];
  /** More became known after that. @returns the differences */
  adjust(spent: Spent): Settlement[];
  /** It was never accepted, or its event was not written. */
  release(): void;
}

/** Counts what client keys with limits use, and decides what they may. In memory, so that nothing is waited for; the ledger has the same figures. */
export interface Limiter {
  admit(client: LimitedClient, need: Need): Admission | Refusal;
  /** What is left, for a key that has limits; as `x-ratelimit-*` in OpenAI's manner. */
  headers(client: LimitedClient): Record<string, string>;
  /** What of a key's budgets is taken in their current periods. */
  budgets(client: LimitedClient): readonly Readonly<BudgetState>[];
}

interface LimiterParts {
  orm: Orm;
  now(): number;
}

interface Used {
  spent: bigint;
  reserved: bigint;
}

/** A month, in any time zone. */
const longestPeriodMs = 33 * dayMs;

/** Takes up what the ledger knows: budgets, and the requests of the last minute. */
export async function loadLimiter({ orm, now }: LimiterParts): Promise<Limiter> {
  const uses = new Map<string, ClientUse & { budgets: BudgetState[] }>();
  const used = await readBudgetUses(orm, now() - longestPeriodMs);
  const recent = await readRecent(orm, now() - minuteMs);

  function useOf({ id, terms }: LimitedClient): ClientUse & { budgets: BudgetState[] } {
    const nowMs = now();
    const use = uses.get(id) ?? { window: recentWindow(recent.get(id), nowMs), inFlight: 0, budgets: [] };
    uses.set(id, use);
    use.window.advance(nowMs);
    const isCurrent =
      use.budgets.length === terms.budgets.length &&
      use.budgets.every(({ budget, periodStart, periodEnd }, index) => {
        return budget === terms.budgets[index] && nowMs >= periodStart && nowMs < periodEnd;
      });
    if (!isCurrent) use.budgets = terms.budgets.map((budget) => stateOf(budget, nowMs));
    return use;
  }

  function stateOf(budget: BudgetState['budget'], nowMs: number): BudgetState {
    const { start: periodStart, end: periodEnd } = periodOf(budget, nowMs);
    const name = nameOf({ budgetId: budget.id, periodStart });
    const known = used.get(name) ?? { spent: 0n, reserved: 0n };
    used.set(name, known);
    return {
      budget,
      periodStart,
      periodEnd,
      get spent() {
        return known.spent;
      },
      get reserved() {
        return known.reserved;
      },
    };
  }

  function take(reservations: readonly Reservation[]): void {
    for (const reservation of reservations) {
      const amounts = used.get(nameOf(reservation)) as Used;
      amounts.reserved += BigInt(reservation.amount);
    }
  }

  function give(settlements: readonly Settlement[]): void {
    for (const settlement of settlements) {
      const amounts = used.get(nameOf(settlement));
      if (!amounts) continue;
      amounts.reserved -= BigInt(settlement.reserved);
      amounts.spent += BigInt(settlement.spent);
    }
  }

  return {
    admit(client, need) {
      if (!hasLimits(client.terms)) return unlimited;
      const use = useOf(client);
      const decision = admit(client.terms, use, need, now());
      if (decision.kind === 'refused') return decision;
      const { reservations, tokens, outputTokensMax } = decision;
      const slot = use.window.add(1, tokens);
      use.inFlight++;
      take(reservations);
      let settled: Settlement[] | null = null;
      const leave = (tokensUsed: number, requests: number) => {
        use.inFlight--;
        use.window.advance(now());
        use.window.correct(slot, requests, tokensUsed - tokens);
      };
      return {
        reservations,
        outputTokensMax,
        settle(spent) {
          if (settled) return settled;
          leave(spent.usage.totalTokens, 0);
          settled = settle(reservations, spent);
          give(settled);
          return settled;
        },
        adjust(spent) {
          const told = settled ?? [];
          settled = settle(reservations, spent);
          const differences = settled.map((entry, index) => {
            const more = BigInt(entry.spent) - BigInt(told[index]?.spent ?? 0);
            return { ...entry, reserved: '0', spent: String(more) };
          });
          give(differences);
          return differences;
        },
        release() {
          if (settled) return;
          leave(0, -1);
          settled = [];
          give(reservations.map(returned));
        },
      };
    },
    headers(client) {
      return hasLimits(client.terms) ? limitHeaders(client.terms, useOf(client), now()) : {};
    },
    budgets: (client) => useOf(client).budgets,
  };
}

const unlimited: Admission = {
  reservations: [],
  outputTokensMax: null,
  settle: () => [],
  adjust: () => [],
  release: () => {},
};

function returned({ budgetId, periodStart, amount }: Reservation): Settlement {
  return { budgetId, periodStart, reserved: amount, spent: '0' };
}

function nameOf({ budgetId, periodStart }: { budgetId: string; periodStart: number }): string {
  return `${budgetId}@${periodStart}`;
}

/** Those of periods that may still run; budgets for good begin at 0. */
async function readBudgetUses(orm: Orm, since: number): Promise<Map<string, Used>> {
  type Row = [budgetId: string, periodStart: bigint, spent: bigint, reserved: bigint];
  const rows = (await connectionOf(orm))
    .prepare<[number], Row>(
      'select budget_id, period_start, spent, reserved from budget_use where period_start = 0 or period_start > ?',
    )
    .raw()
    .safeIntegers()
    .all(since);
  return new Map(
    rows.map(([budgetId, periodStart, spent, reserved]) => [
      nameOf({ budgetId, periodStart: Number(periodStart) }),
      { spent, reserved },
    ]),
  );
}

interface Recent {
  clientKeyId: string;
  startedAt: number;
  totalTokens: number;
}

/** The requests that began since a time, by client key: a restart does not begin the minute anew. */
async function readRecent(orm: Orm, since: number): Promise<Map<string, Recent[]>> {
  const rows = (await connectionOf(orm))
    .prepare<[], Recent & { outcome: string }>(
      `select client_key_id as clientKeyId, started_at as startedAt, total_tokens as totalTokens, outcome
       from request order by accepted_position desc`,
    )
    .iterate();
  const recent: Recent[] = [];
  for (const row of rows) {
    if (row.startedAt < since) break;
    if (row.outcome !== 'REJECTED') recent.push(row);
  }
  return Map.groupBy(recent.reverse(), ({ clientKeyId }) => clientKeyId);
}

function recentWindow(recent: readonly Recent[] | undefined, nowMs: number): MinuteWindow {
  const window = new MinuteWindow();
  for (const { startedAt, totalTokens } of recent ?? []) {
    window.advance(startedAt);
    window.add(1, totalTokens);
  }
  window.advance(nowMs);
  return window;
}

/** Of each kind the limit of which least is left. */
function limitHeaders(terms: ClientTerms, use: ClientUse, nowMs: number): Record<string, string> {
  const { window } = use;
  const perMinute = (limit: number | null, of: 'requests' | 'tokens') => {
    if (limit === null) return [];
    const resetMs = window[of] === 0 ? 0 : window.whenDownTo(0, of) - nowMs;
    return [{ limit: BigInt(limit), left: BigInt(limit - window[of]), resetMs }];
  };
  const budgets = (unit: string) =>
    use.budgets
      .filter(({ budget }) => budget.unit === unit)
      .map(({ budget, spent, reserved, periodEnd }) => {
        return {
          limit: BigInt(budget.limit),
          left: BigInt(budget.limit) - spent - reserved,
          resetMs: periodEnd - nowMs,
        };
      });
  return {
    ...ofKind('requests', [...perMinute(terms.requestsPerMinute, 'requests'), ...budgets('REQUESTS')], String),
    ...ofKind('tokens', [...perMinute(terms.tokensPerMinute, 'tokens'), ...budgets('TOKENS')], String),
    ...ofKind('usd', budgets('USD'), (pico) => (Number(pico / 1_000_000n) / 1_000_000).toFixed(6)),
  };
}

interface Left {
  limit: bigint;
  left: bigint;
  /** Infinite for what never begins anew. */
  resetMs: number;
}

function ofKind(kind: string, all: readonly Left[], write: (amount: bigint) => string): Record<string, string> {
  const [tightest] = all.toSorted((a, b) => (a.left < b.left ? -1 : Number(a.left > b.left)));
  if (!tightest) return {};
  const { limit, left, resetMs } = tightest;
  return {
    [`x-ratelimit-limit-${kind}`]: write(limit),
    [`x-ratelimit-remaining-${kind}`]: write(left < 0n ? 0n : left),
    ...(Number.isFinite(resetMs) && { [`x-ratelimit-reset-${kind}`]: writeDuration(Math.max(0, resetMs)) }),
  };
}

/** In OpenAI's manner: `6m0s`, `1.2s`, `200ms`. */
function writeDuration(ms: number): string {
  if (ms < 1000) return `${Math.ceil(ms)}ms`;
  const seconds = Math.ceil(ms / 1000);
  const [hours, minutes] = [Math.floor(seconds / 3600), Math.floor((seconds % 3600) / 60)];
  return `${hours > 0 ? `${hours}h` : ''}${seconds >= 60 ? `${minutes}m` : ''}${seconds % 60}s`;
}
