import type { Admin, Session, Viewer } from '../server/admin/admin.ts';
import type { ClientKey } from '../server/clients/client-key.entity.ts';
import type { Clients, WantedTerms } from '../server/clients/clients.ts';
import type { BudgetState } from '../server/clients/limits/admit.ts';
import type { Limiter } from '../server/clients/limits/limiter.ts';
import type { Budget, WantedBudget } from '../server/clients/limits/terms.ts';
import type { Job, JobRow, JobRowOutcome, Jobs } from '../server/jobs/jobs.ts';
import type { LedgerEntry } from '../server/ledger/ledger.ts';
import type { Page } from '../server/ledger/page.ts';
import type { Request, RequestFilter, RequestOutcome } from '../server/ledger/projections/requests.ts';
import type {
  LatencyPercentiles,
  UsageDimension,
  UsageInterval,
  UsageQuery,
  UsageReport,
  UsageTotals,
} from '../server/ledger/usage-report.ts';
import type { KeyChange } from '../server/pool/key-change.ts';
import type { KeyFilter } from '../server/pool/key-filter.ts';
import type { KeySettings } from '../server/pool/key-settings.ts';
import type { KeyState, UpstreamKeyStatus } from '../server/pool/key-state.ts';
import type { KeyChangeRow } from '../server/pool/many-keys-commands.ts';
import type { ImportInput } from '../server/pool/plan-import.ts';
import type { QuotaUse } from '../server/pool/quota-meter.ts';
import type { QuotaRule } from '../server/pool/quota-rules.ts';
import type { ImportPreview, UpstreamKeyJobs } from '../server/pool/upstream-key-jobs.ts';
import type { KeyDetails, UpstreamKeys } from '../server/pool/upstream-keys.ts';
import type { Price, Rates } from '../server/pricing/price.ts';
import type { PriceBook } from '../server/pricing/price-book.ts';
import type { LiveFigures } from '../server/relay/live-counters.ts';

export type {
  Budget,
  BudgetState,
  ClientKey,
  ImportInput,
  ImportPreview,
  Job,
  JobRow,
  JobRowOutcome,
  KeyChange,
  KeyChangeRow,
  KeyFilter,
  LatencyPercentiles,
  LedgerEntry,
  Page,
  Price,
  QuotaRule,
  Rates,
  Request,
  RequestFilter,
  RequestOutcome,
  Session,
  UpstreamKeyStatus,
  UsageDimension,
  UsageInterval,
  UsageReport,
  UsageTotals,
  Viewer,
  WantedBudget,
  WantedTerms,
};

/** A key of the pool: what is known about it, and what it is up to. */
export type UpstreamKey = KeyDetails & KeyState;

/** A quota of a key's project, by model. */
export type KeyQuota = QuotaUse & { model: string };

/** Which key a request for a model would get now. */
export interface KeyChoice {
  chosen: UpstreamKey | null;
  strategy: string;
  freeCount: number;
  obstacles: { upstreamKey: UpstreamKey; reason: string; until: number | null }[];
  waiting: number;
}

/** What is going on now. */
export interface LiveStats extends LiveFigures {
  at: number;
  keys: Record<UpstreamKeyStatus, number>;
  /** When the first key that rests is back; null while none rests. */
  nextKeyBackAt: number | null;
  headPosition: number;
}

/** A range by its name, by its length up to now (`24h`, `7d`), or by its ends. */
export interface TimeRange {
  preset?: RangePreset | null;
  last?: string | null;
  from?: number | null;
  to?: number | null;
}
export type RangePreset = 'ALL_TIME' | 'TODAY' | 'YESTERDAY' | 'LAST_24_HOURS' | 'LAST_7_DAYS' | 'LAST_30_DAYS';

/** A report with the question that it answers. */
export type RangedReport = UsageReport & {
  fromMs: number | null;
  toMs: number;
  query: Omit<UsageQuery, 'fromMs' | 'toMs'>;
};

/** All that resolvers can do: the server's parts behind the questions the API asks. */
export interface Services {
  admin: Admin;
  clients: Clients;
  limiter: Limiter;
  prices: PriceBook;
  upstreamKeys: UpstreamKeys;
  keySettings: KeySettings;
  upstreamKeyJobs: UpstreamKeyJobs;
  jobs: Jobs;
  clientKeyPage(first: number, after: string | null): Promise<Page<ClientKey>>;
  clientKey(id: string): Promise<ClientKey | null>;
  /** The keys that are in the pool, oldest first. */
  poolKeys(): UpstreamKey[];
  /** Those of the pool that pass a filter, oldest first. */
  selectUpstreamKeys(filter: KeyFilter): UpstreamKey[];
  /** Also one that was deleted. */
  upstreamKey(id: string): UpstreamKey | null;
  quotasOf(upstreamKeyId: string): KeyQuota[];
  /** @param model As a client would write it. */
  keyChoice(model: string, tokens: number): KeyChoice;
  projectProposals(): UpstreamKey[][];
  requestPage(first: number, after: string | null, filter: RequestFilter): Promise<Page<Request>>;
  request(requestId: string): Promise<Request | null>;
  /** @throws RangeError for a range or a time zone that does not exist. */
  usage(range: TimeRange, query: Omit<UsageQuery, 'fromMs' | 'toMs'>): Promise<RangedReport>;
  /** How long the requests of a report took. */
  latency(report: RangedReport): LatencyPercentiles;
  /** What a client key has cost in a range (ms since 1970), in dollars; null when no price was known for any of it. */
  costOfClient(clientKeyId: string, fromMs: number, toMs: number): Promise<number | null>;
  /** Prices the requests of a model anew that began in a range (ms since 1970). @returns how many have another cost now. @throws Refusal */
  reprice(range: { model: string; from: number; to: number }, actor: string): Promise<number>;
  /** What of a client key's budgets is taken. */
  budgetsOf(clientKeyId: string): readonly Readonly<BudgetState>[];
  /** All that a key was ever used for. Questions that come together are answered by one query. */
  usageOf(dimension: 'clientKeyId' | 'upstreamKeyId', id: string): Promise<UsageTotals>;
  usageEvents(after: number, first: number): Promise<LedgerEntry[]>;
  followEvents(after: number | null, signal: AbortSignal): AsyncGenerator<LedgerEntry>;
  /** Events with an actor, newest first. */
  auditPage(first: number, after: string | null): Promise<Page<LedgerEntry>>;
  ledgerStatus(): Promise<{ headPosition: number; headHash: string; openRequests: number }>;
  liveStats(): LiveStats;
  /** Once per second. */
  followLiveStats(signal: AbortSignal): AsyncGenerator<LiveStats>;
  /** All keys now; then, within a second of every change, those that changed and those that are gone. */
  followPoolKeys(signal: AbortSignal): AsyncGenerator<UpstreamKey[]>;
  /** Now, and after every step; ends with the job. */
  followJob(id: string, signal: AbortSignal): AsyncGenerator<Job>;
  /** The jobs that run now, then each one after its steps. */
  followJobs(signal: AbortSignal): AsyncGenerator<Job>;
}

/** The HttpOnly cookie that a session is renewed with. */
export interface RefreshCookie {
  /** Null when there is none, or another site has sent it. */
  read(): string | null;
  /** Null: takes it away. */
  write(refreshToken: string | null): void;
}

/** Who asks, and what can be asked for. */
export interface Context {
  viewer: Viewer | null;
  /** The caller's address, for throttling. */
  address: string;
  refreshCookie: RefreshCookie;
  services: Services;
}
