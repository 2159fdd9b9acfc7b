import type { Admin, Session, Viewer } from '../server/admin/admin.ts';
import type { ClientKey } from '../server/clients/client-key.entity.ts';
import type { Clients } from '../server/clients/clients.ts';
import type { LedgerEntry } from '../server/ledger/ledger.ts';
import type { Request, RequestOutcome } from '../server/ledger/projections/requests.ts';
import type { UsageTotals } from '../server/ledger/projections/usage-buckets.ts';
import type { KeyState } from '../server/pool/key-state.ts';
import type { UpstreamKeys } from '../server/pool/upstream-keys.ts';
import type { LiveFigures } from '../server/relay/live-counters.ts';

export type { ClientKey, KeyState, LedgerEntry, LiveFigures, Request, RequestOutcome, Session, UsageTotals, Viewer };

/** A page of a list that is read from its newest or oldest end. */
export interface Page<Node> {
  nodes: Node[];
  totalCount: number;
  /** What `after` takes for the next page; null at the end. */
  endCursor: string | null;
}

/** All that resolvers can do: the server's parts behind the questions the API asks. */
export interface Services {
  admin: Admin;
  clients: Clients;
  upstreamKeys: UpstreamKeys;
  clientKeyPage(first: number, after: string | null): Promise<Page<ClientKey>>;
  clientKey(id: string): Promise<ClientKey | null>;
  keyStates(): KeyState[];
  requestPage(first: number, after: string | null, outcomes: readonly RequestOutcome[] | null): Promise<Page<Request>>;
  request(requestId: string): Promise<Request | null>;
  usageTotals(fromMs: number, toMs: number): Promise<UsageTotals>;
  usageEvents(after: number, first: number): Promise<LedgerEntry[]>;
  followEvents(after: number | null, signal: AbortSignal): AsyncGenerator<LedgerEntry>;
  ledgerStatus(): Promise<{ headPosition: number; headHash: string; openRequests: number }>;
  liveFigures(): LiveFigures;
}

/** Who asks, and what can be asked for. */
export interface Context {
  viewer: Viewer | null;
  /** The caller's address, for throttling. */
  address: string;
  services: Services;
}
