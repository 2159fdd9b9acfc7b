import type { Page, Services } from '../schema/context.ts';
import { ClientKey } from './clients/client-key.entity.ts';
import { connectionOf, type Orm } from './database.ts';
import type { Ledger } from './ledger/ledger.ts';
import { Request, type RequestOutcome } from './ledger/projections/requests.ts';
import { readUsageTotals } from './ledger/projections/usage-buckets.ts';
import { keyState } from './pool/key-state.ts';
import type { Pool } from './pool/pool.ts';
import type { LiveCounters } from './relay/live-counters.ts';

interface ServiceParts extends Pick<Services, 'admin' | 'clients' | 'upstreamKeys'> {
  orm: Orm;
  ledger: Ledger;
  pool: Pool;
  counters: LiveCounters;
  now(): number;
}

/** The admin API's questions, answered by the parts. */
export async function createServices(parts: ServiceParts): Promise<Services> {
  const { orm, ledger, pool, counters, now, admin, clients, upstreamKeys } = parts;
  const connection = await connectionOf(orm);
  const readHead = connection.prepare('select position, hash from ledger_head');
  const countOpen = connection.prepare(`select count(*) from request where outcome = 'IN_PROGRESS'`).pluck();
  return {
    admin,
    clients,
    upstreamKeys,
    clientKeyPage: async (first, after) => {
      const em = orm.em.fork();
      const where = { deletedAt: null };
      const beyond = after === null ? where : { ...where, id: { $lt: after } };
      const rows = await em.find(ClientKey, beyond, { orderBy: { id: 'desc' }, limit: first + 1 });
      return pageOf(rows, first, await em.count(ClientKey, where), (key) => key.id);
    },
    clientKey: (id) => orm.em.fork().findOne(ClientKey, { id }),
    keyStates: () =>
      pool
        .keys()
        .map((key) => keyState(key, now()))
        .sort((a, b) => (a.id < b.id ? -1 : 1)),
    requestPage: async (first, after, outcomes) => {
      const em = orm.em.fork();
      const where = outcomes ? { outcome: { $in: [...outcomes] as RequestOutcome[] } } : {};
      const beyond = after === null ? where : { ...where, acceptedPosition: { $lt: Number(after) || 0 } };
      const rows = await em.find(Request, beyond, { orderBy: { acceptedPosition: 'desc' }, limit: first + 1 });
      return pageOf(rows, first, await em.count(Request, where), (request) => String(request.acceptedPosition));
    },
    request: (requestId) => orm.em.fork().findOne(Request, { requestId }),
    usageTotals: async (fromMs, toMs) => readUsageTotals(connection, fromMs, toMs),
    usageEvents: (after, first) => ledger.read(after, first),
    followEvents: (after, signal) => ledger.follow(after, signal),
    ledgerStatus: async () => {
      const { position, hash } = readHead.get() as { position: number; hash: Buffer };
      return { headPosition: position, headHash: hash.toString('hex'), openRequests: countOpen.get() as number };
    },
    liveFigures: () => counters.figures(),
  };
}

/** @param rows One more than the page holds, if there are more. */
function pageOf<Node>(rows: Node[], first: number, totalCount: number, cursorOf: (node: Node) => string): Page<Node> {
  const nodes = rows.slice(0, first);
  const last = nodes.at(-1);
  return { nodes, totalCount, endCursor: rows.length > first && last ? cursorOf(last) : null };
}
