import type { Connection } from '../database.ts';
import { type Execute, Refusal } from '../ledger/commands.ts';
import type { ModalityTokens, RepricedRequest } from '../ledger/events.ts';
import type { PriceBook } from './price-book.ts';
import type { repriceCommands } from './reprice-commands.ts';
import { type StandingRequest, standingRequests } from './standing-requests.ts';

/** Events stay of a size that every reader can hold. */
const requestsPerEvent = 1000;

/**
 * Prices requests anew with the prices that are known now for the times at which they began: what was not known, or was wrong.
 * @returns how many have another cost now
 * @throws Refusal for a range that reaches into archived days, whose requests cannot be read any more
 */
export async function repriceUsage(
  { model, from, to, actor }: { model: string; from: number; to: number; actor: string },
  { connection, execute, prices }: RepriceParts,
): Promise<number> {
  requireUnarchived(connection, from);
  const byPrice = Map.groupBy(
    standingRequests(connection, { model, from, to }).flatMap((request) => repriced(request, prices)),
    ({ priceId }) => priceId,
  );
  let count = 0;
  for (const [priceId, found] of byPrice) {
    for (let start = 0; start < found.length; start += requestsPerEvent) {
      const requests = found.slice(start, start + requestsPerEvent).map(({ request }) => request);
      const answer = await execute('usage.reprice', { repriced: { model, from, to, priceId, requests }, actor });
      count += answer.count;
    }
  }
  return count;
}

interface RepriceParts {
  connection: Connection;
  execute: Execute<typeof repriceCommands>;
  prices: Pick<PriceBook, 'charge'>;
}

function requireUnarchived(connection: Connection, from: number): void {
  const newest = connection.prepare<[], number | null>('select max(to_position) from ledger_archive').pluck().get();
  if (!newest) return;
  const since = connection.prepare<[], number | null>('select min(recorded_at) from usage_event').pluck().get() ?? 0;
  if (from < since)
    throw new Refusal('conflict', `What was before ${new Date(since).toISOString()} is archived and keeps its cost.`);
}

function repriced(request: StandingRequest, prices: Pick<PriceBook, 'charge'>) {
  const { modalities, serviceTier, costPico: costPicoBefore, priceId: priceIdBefore, ...rest } = request;
  const usage = { ...rest, ...(modalities && { modalities: JSON.parse(modalities) as ModalityTokens }) };
  const charge = prices.charge({ ...rest, usage, serviceTier: serviceTier ?? undefined });
  if (!charge || (charge.costPico === costPicoBefore && charge.priceId === priceIdBefore)) return [];
  const { requestId, startedAt, clientKeyId, upstreamKeyId, requestedModel, format, outcome, unpricedCalls } = request;
  const place = { requestId, startedAt, clientKeyId, upstreamKeyId, requestedModel, format, outcome };
  const entry: RepricedRequest = { ...place, costPicoBefore, costPico: charge.costPico, unpricedCalls };
  return [{ priceId: charge.priceId, request: entry }];
}
