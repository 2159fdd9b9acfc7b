import { setTimeout as delay } from 'node:timers/promises';
import type { LiveStats, Services, UpstreamKey } from '../schema/context.ts';
import { ClientKey } from './clients/client-key.entity.ts';
import { connectionOf, type Orm } from './database.ts';
import type { Execute } from './ledger/commands.ts';
import type { Ledger } from './ledger/ledger.ts';
import { clampFirst, toPage } from './ledger/page.ts';
import { findRequest, findRequests } from './ledger/projections/requests.ts';
import { timeRange } from './ledger/time-range.ts';
import { readLatency, readUsage, type UsageDimension, type UsageTotals, usageTotalsBy } from './ledger/usage-report.ts';
import { matchesFilter } from './pool/key-filter.ts';
import { keyState } from './pool/key-state.ts';
import type { Pool } from './pool/pool.ts';
import { repriceUsage } from './pricing/reprice.ts';
import type { repriceCommands } from './pricing/reprice-commands.ts';
import type { LiveCounters } from './relay/live-counters.ts';

interface ServiceParts
  extends Pick<
    Services,
    'admin' | 'clients' | 'limiter' | 'prices' | 'upstreamKeys' | 'keySettings' | 'upstreamKeyJobs' | 'jobs'
  > {
  orm: Orm;
  execute: Execute<typeof repriceCommands>;
  ledger: Ledger;
  pool: Pool;
  counters: LiveCounters;
  /** The id of the model that a client means. */
  resolveModel(model: string): string;
  now(): number;
}

const liveEveryMs = 1000;

/** The admin API's questions, answered by the parts. */
export async function createServices(parts: ServiceParts): Promise<Services> {
  const { orm, ledger, pool, counters, now, jobs, upstreamKeys } = parts;
  const connection = await connectionOf(orm);
  const readHead = connection.prepare('select position, hash from ledger_head');
  const countOpen = connection.prepare(`select count(*) from request where outcome = 'IN_PROGRESS'`).pluck();
  async function usageBy(dimension: UsageDimension, ids: string[]): Promise<Map<string, UsageTotals>> {
    await ledger.caughtUp();
    return usageTotalsBy(connection, dimension, ids, now());
  }
  const usageLoaders = {
    clientKeyId: batched((ids) => usageBy('clientKeyId', ids)),
    upstreamKeyId: batched((ids) => usageBy('upstreamKeyId', ids)),
  } satisfies Partial<Record<UsageDimension, (id: string) => Promise<UsageTotals>>>;

  function upstreamKey(id: string): UpstreamKey | null {
    const details = upstreamKeys.details(id);
    if (!details) return null;
    const key = pool.get(id);
    return { ...details, ...(key ? keyState(key, now()) : { ...goneState, id, maskedKey: details.maskedKey }) };
  }

  const poolKeys = () =>
    pool
      .keys()
      .map(({ id }) => upstreamKey(id))
      .filter((key) => key !== null)
      .sort((a, b) => (a.id < b.id ? -1 : 1));

  function liveStats(): LiveStats {
    const keys = poolKeys();
    const count = (status: UpstreamKey['status']) => keys.filter((key) => key.status === status).length;
    const backAt = keys.flatMap(({ cooldownUntil }) => cooldownUntil ?? []);
    return {
      ...counters.figures(),
      at: now(),
      keys: {
        ACTIVE: count('ACTIVE'),
        COOLING_DOWN: count('COOLING_DOWN'),
        EXHAUSTED: count('EXHAUSTED'),
        REJECTED: count('REJECTED'),
        DISABLED: count('DISABLED'),
      },
      nextKeyBackAt: backAt.length > 0 ? Math.min(...backAt) : null,
      headPosition: ledger.headPosition(),
    };
  }

  return {
    ...parts,
    clientKeyPage: async (asked, after) => {
      const em = orm.em.fork();
      const first = clampFirst(asked);
      const where = { deletedAt: null };
      const beyond = after === null ? where : { ...where, id: { $lt: after } };
      const rows = await em.find(ClientKey, beyond, { orderBy: { id: 'desc' }, limit: first + 1 });
      return toPage(rows, first, await em.count(ClientKey, where), ({ id }) => id);
    },
    clientKey: (id) => orm.em.fork().findOne(ClientKey, { id }),
    poolKeys,
    upstreamKey,
    quotasOf(id) {
      const key = pool.get(id);
      const known = key ? pool.quotas.known(key, now()) : [];
      return known.flatMap(({ model, quotas }) => quotas.map((quota) => ({ model, ...quota })));
    },
    keyChoice(model, tokens) {
      const { chosen, strategy, free, obstacles } = pool.explain({ model: parts.resolveModel(model), tokens });
      return {
        chosen: chosen && upstreamKey(chosen.id),
        strategy,
        freeCount: free,
        obstacles: obstacles.map(({ key, reason, untilMs }) => ({
          upstreamKey: upstreamKey(key.id) as UpstreamKey,
          reason,
          until: untilMs,
        })),
        waiting: pool.waiting(),
      };
    },
    projectProposals: () => pool.quotas.projectGuess().map((ids) => ids.map(upstreamKey).filter((key) => key !== null)),
    selectUpstreamKeys: (filter) => poolKeys().filter((key) => matchesFilter(key, filter)),
    requestPage: (first, after, filter) => findRequests(orm, { first, after, ...filter }),
    request: (requestId) => findRequest(orm, requestId),
    async usage(range, query) {
      const { fromMs, toMs } = timeRange(range, query.timeZone, now());
      await ledger.caughtUp();
      return { ...readUsage(connection, { ...query, fromMs, toMs }), fromMs, toMs, query };
    },
    latency: ({ query, fromMs, toMs }) => readLatency(connection, { ...query, fromMs, toMs }),
    async costOfClient(clientKeyId, fromMs, toMs) {
      await ledger.caughtUp();
      const { total } = readUsage(connection, { fromMs, toMs, filter: { clientKeyId }, timeZone: 'UTC' });
      const isUnknown = total.costPico === 0n && total.unpricedRequests > 0;
      return isUnknown ? null : Number(total.costPico) / 1e12;
    },
    reprice: (range, actor) =>
      repriceUsage({ ...range, actor }, { connection, execute: parts.execute, prices: parts.prices }),
    budgetsOf(clientKeyId) {
      const client = parts.clients.get(clientKeyId);
      return client ? parts.limiter.budgets(client) : [];
    },
    usageOf: (dimension, id) => usageLoaders[dimension](id),
    usageEvents: (after, first) => ledger.read(after, first),
    followEvents: (after, signal) => ledger.follow(after, signal),
    auditPage: (first, after) => ledger.readAudit(clampFirst(first), after),
    ledgerStatus: async () => {
      const { position, hash } = readHead.get() as { position: number; hash: Buffer };
      return { headPosition: position, headHash: hash.toString('hex'), openRequests: countOpen.get() as number };
    },
    liveStats,
    async *followLiveStats(signal) {
      for (; !signal.aborted; await pause(liveEveryMs, signal)) yield liveStats();
    },
    async *followPoolKeys(signal) {
      // The end of a rest is told by the clock alone, so the states are looked at, not waited for.
      for (let shown = new Map<string, string>(), isFirst = true; !signal.aborted; await pause(liveEveryMs, signal)) {
        const keys = poolKeys();
        const states = new Map(keys.map((key) => [key.id, JSON.stringify(key)]));
        const changed = keys.filter(({ id }) => states.get(id) !== shown.get(id));
        const gone = [...shown.keys()].filter((id) => !states.has(id)).map(upstreamKey);
        shown = states;
        if (isFirst || changed.length + gone.length > 0) yield [...changed, ...gone.filter((key) => key !== null)];
        isFirst = false;
      }
    },
    async *followJobs(signal) {
      let wake = () => {};
      const changedIds = new Set(jobs.list().flatMap(({ id, status }) => (status === 'RUNNING' ? id : [])));
      const stop = jobs.onUpdate(({ id }) => {
        changedIds.add(id);
        wake();
      });
      signal.addEventListener('abort', () => wake(), { once: true });
      try {
        while (!signal.aborted) {
          const changed = new Promise<void>((resolve) => (wake = resolve));
          const [id] = changedIds;
          if (id === undefined) {
            await changed;
            continue;
          }
          changedIds.delete(id);
          const job = jobs.get(id);
          if (job) yield job;
        }
      } finally {
        stop();
      }
    },
    async *followJob(id, signal) {
      let wake = () => {};
      const stop = jobs.onUpdate((job) => job.id === id && wake());
      signal.addEventListener('abort', () => wake(), { once: true });
      try {
        for (;;) {
          const changed = new Promise<void>((resolve) => (wake = resolve));
          const job = jobs.get(id);
          if (!job || signal.aborted) return;
          yield job;
          if (job.status !== 'RUNNING') return;
          await changed;
        }
      } finally {
        stop();
      }
    },
  };
}

/** A key that is not in the pool any more. */
const goneState = {
  status: 'DISABLED',
  cooldownUntil: null,
  lastFailure: null,
  lastFailureMessage: null,
  cooldowns: [],
  inFlight: 0,
} as const satisfies Partial<UpstreamKey>;

/** Waits, or less long when the signal aborts. */
async function pause(delayMs: number, signal: AbortSignal): Promise<void> {
  await delay(delayMs, null, { signal, ref: false }).catch(() => {});
}

/** Gathers the questions of one turn of the event loop and answers them by one call. */
function batched<Value>(read: (ids: string[]) => Promise<Map<string, Value>>): (id: string) => Promise<Value> {
  let gathered: { ids: Set<string>; answer: Promise<Map<string, Value>> } | null = null;
  return async (id) => {
    if (!gathered) {
      const ids = new Set<string>();
      const answer = new Promise<void>((resolve) => setImmediate(resolve)).then(() => {
        gathered = null;
        return read([...ids]);
      });
      gathered = { ids, answer };
    }
    gathered.ids.add(id);
    return (await gathered.answer).get(id) as Value;
  };
}
