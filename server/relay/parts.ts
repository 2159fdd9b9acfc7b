import type { Claim } from '../clients/idempotency.ts';
import type { Need } from '../clients/limits/admit.ts';
import type { Admission } from '../clients/limits/limiter.ts';
import type { ClientFormat, TranslationContext } from '../formats/format.ts';
import type { GeminiClient } from '../gemini/gemini-client.ts';
import type { RefusedThinking } from '../gemini/refused-thinking.ts';
import type { RequestAborted } from '../ledger/events.ts';
import type { Ledger } from '../ledger/ledger.ts';
import type { SeenUsage } from '../ledger/ledger-commands.ts';
import type { MediaFetcher } from '../media/media-fetcher.ts';
import type { Pool } from '../pool/pool.ts';
import type { ResourceOwners } from '../pool/resource-owners.ts';
import type { PriceBook } from '../pricing/price-book.ts';
import type { ResponseStore } from '../responses/response-store.ts';
import type { SignatureStore } from '../signatures/signature-store.ts';
import type { Drains } from './drains.ts';
import type { LiveCounters } from './live-counters.ts';
import type { OpenCall } from './open-calls.ts';
import type { Reply } from './reply.ts';

/** One call of one client, as the edge hands it over. */
export interface Call {
  requestId: string;
  /** The caller's own id for it, at most 128 printable characters. */
  clientRequestId?: string | undefined;
  clientKeyId: string;
  /** The session that it belongs to, where the caller's program names it in a header. */
  session?: string | undefined;
  format: ClientFormat;
  body: unknown;
  bodyBytes: number;
  reply: Reply;
  /** Whether the caller may use a model, by the name it asked for and the id that would be called. */
  mayUse(...names: string[]): boolean;
  /** Decides by the limits of the caller's key and reserves what is needed; null for a key without limits. @throws ApiError 429 */
  admit: ((need: Need) => Admission) | null;
  /** Set when it came with an `Idempotency-Key`. */
  idempotency?: Claim | undefined;
}

/** What the relay works with. */
export interface RelayParts {
  ledger: Pick<Ledger, 'append'>;
  pool: Pool;
  gemini: GeminiClient;
  signatures: SignatureStore;
  refusedThinking: RefusedThinking;
  media: Pick<MediaFetcher, 'fetch'>;
  prices: Pick<PriceBook, 'charge' | 'atMost'>;
  owners: ResourceOwners;
  translation: Omit<TranslationContext, 'responses' | 'ownsFile'>;
  responses: ResponseStore;
  drains: Drains;
  /** How long a request waits for a key to become free, ms; 0: not at all. */
  patienceMs: number;
  /** Requests with fields that have no effect are refused. */
  isStrict: boolean;
  /** The models that a caller could have meant. */
  modelIds(): string[];
  counters: LiveCounters;
  /** Wall clock, ms since 1970. */
  now(): number;
  randomId(length: number): string;
}

/** What can be ended from outside while it is being answered. */
export interface OpenRequest extends OpenCall {
  abort(by: RequestAborted['by']): void;
  /** What it has used so far, as far as no event tells it; null for nothing. */
  seenUsage(): SeenUsage | null;
}
