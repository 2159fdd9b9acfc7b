import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { seededRandom } from '../simulate/pool/seeded-random.ts';
import { startLoad } from './support/load.ts';
import { OrderWitness } from './support/order-witness.ts';
import { createRequestPicker, type RequestPicker } from './support/pick-requests.ts';
import { bugPreloads } from './support/preload.ts';
import { readTrace } from './support/read-trace.ts';
import { openSite, type Site } from './support/site.ts';
import type { TrialOptions, TrialResult } from './support/trial.ts';

export interface OrderOptions extends TrialOptions {
  requests: number;
}

/** Then the server is started anew: what strace writes is kept until it has been read. */
const requestsPerServer = 500;
const callerCount = 8;
const weights = { plain: 60, paced: 20, 'limited once': 5, 'reset once': 5, refused: 5, 'broken off': 5 };

/** strace tells of each write what was written, whole. Without `-D` it would be our child, and signals would not reach the server. */
const strace = ['strace', '-D', '-f', '--seccomp-bpf', '-yy', '-s', '100000'];
const traced = 'trace=write,writev,sendto,sendmsg,pwrite64,pwritev,pwritev2,fsync,fdatasync';

/** Whether system calls can be traced here. */
export const canTrace = spawnSync('strace', ['-f', '--seccomp-bpf', '-e', 'trace=write', 'true']).status === 0;

/**
 * Runs the server under strace. Of every request, the acceptance must be synced to disk before the first byte that goes to Gemini, each
 * failed attempt before the next, and the terminal event before the answer, or before the last of a stream.
 */
export async function orderTrial(options: OrderOptions): Promise<TrialResult> {
  const random = seededRandom(options.seed);
  const picker = createRequestPicker({ random, weights });
  const problems: string[] = [];
  const totals = { requests: 0, upstreamCalls: 0, syncs: 0 };
  for (let left = options.requests; left > 0 && problems.length === 0; left -= requestsPerServer) {
    const site = await openSite({ random });
    const syncs = await traceServer(site, Math.min(left, requestsPerServer), picker, options.bug, problems);
    totals.requests += site.sightings.length;
    totals.upstreamCalls += site.gemini.calls.length;
    totals.syncs += syncs;
    await site.close();
    options.tell(`${totals.requests} requests, ${totals.syncs} syncs of the ledger, ${problems.length} violations`);
  }
  const { requests, upstreamCalls, syncs } = totals;
  return {
    problems,
    figures: [`${requests} requests, ${upstreamCalls} upstream calls, ${syncs} syncs of the ledger`],
    conclusion: '0 violations of the order',
  };
}

/** @param problems Gets what is wrong. @returns how often the ledger was synced */
async function traceServer(
  site: Site,
  count: number,
  picker: RequestPicker,
  bug: string | undefined,
  problems: string[],
): Promise<number> {
  const file = join(site.dataDir, 'trace');
  const launcher = [...strace, '-e', traced, '-o', file];
  const gateway = await site.start({ launcher, preloads: bugPreloads(bug) });
  await site.makeClients(gateway);
  let left = count;
  const load = startLoad({
    url: gateway.url,
    secrets: site.secrets,
    callerCount,
    next: () => (left-- > 0 ? picker.next() : null),
    onSighting: (sighting) => site.sightings.push(sighting),
  });
  await load.ended;
  await gateway.stop();
  // strace has written all when it too has let go of what the server prints to.
  await gateway.ended;
  const witness = new OrderWitness({ gateway: gateway.port, gemini: Number(new URL(site.gemini.url).port) });
  for await (const call of readTrace(file)) witness.see(call);
  for (const { marker, form, requestId, end } of site.sightings) {
    if (requestId === null || end === 'cut') problems.push(`${marker} got no answer`);
    else problems.push(...witness.judge({ marker, form, requestId }));
  }
  problems.push(...(await site.audit()).problems);
  return witness.syncCount;
}
