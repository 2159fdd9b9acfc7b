import type { CommandHandler } from '../ledger/commands.ts';
import type { NewEvent, RepricedRequest, UsageRepriced } from '../ledger/events.ts';
import { standingRequests } from './standing-requests.ts';

interface Reprice {
  repriced: Omit<UsageRepriced, 'type'>;
  actor: string;
}

/** Takes the new costs of those requests whose cost is still the one that they were worked out from. */
const reprice: CommandHandler<Reprice, { count: number }> = ({ connection, now }, { repriced, actor }) => {
  const costs = new Map(standingRequests(connection, repriced).map(({ requestId, costPico }) => [requestId, costPico]));
  const isStanding = ({ requestId, costPicoBefore }: RepricedRequest) => costs.get(requestId) === costPicoBefore;
  const requests = repriced.requests.filter(isStanding);
  const body: UsageRepriced = { type: 'UsageRepriced', ...repriced, requests };
  const events: NewEvent[] = requests.length > 0 ? [{ body, actor, occurredAt: now }] : [];
  return { events, result: { count: requests.length } };
};

export const repriceCommands = { 'usage.reprice': reprice };
