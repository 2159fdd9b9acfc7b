import { percentile } from '../bench/statistics.ts';
import { seededRandom } from '../simulate/pool/seeded-random.ts';
import type { GatewayProcess } from '../support/gateway-process.ts';
import { describeMoment, type KillMoment, type OutsidePoint, planKills, preloadsFor } from './support/kill-plan.ts';
import { createKiller, type Killer } from './support/killer.ts';
import { startLoad, type TrialRequest } from './support/load.ts';
import { createRequestPicker } from './support/pick-requests.ts';
import { bugPreloads } from './support/preload.ts';
import { openSite, type Site } from './support/site.ts';
import type { TrialOptions, TrialResult } from './support/trial.ts';

export interface KillOptions extends TrialOptions {
  /** How often the server is killed. */
  cycles: number;
  /** Instead of the usual mixture. */
  moments?: readonly KillMoment[];
}

/** Then another folder is begun: a check reads all that has happened in one. */
const cyclesPerFolder = 20;
const callerCount = 12;
/** So many callers wait for answers that never end; the others go on. */
const endlessMax = 4;
const weights = {
  plain: 40,
  paced: 40,
  endless: 3,
  'limited once': 4,
  'overloaded once': 4,
  'reset once': 3,
  refused: 3,
  'broken off': 4,
};
const leavingShare = 0.06;
/** An admin makes a client key after so many looks at the head of the ledger. */
const looksPerKey = 8;
const readyMsMax = 1000;
const readyShare = 0.99;

/**
 * Kills the server (SIGKILL) under load, at random instants and at named points, and starts it again on the same folder. After each start
 * the books must hold everything that was acknowledged, once, and nothing may be open.
 */
export async function killTrial(options: KillOptions): Promise<TrialResult> {
  const trial = new KillTrial(options);
  const moments = options.moments ?? planKills(options.cycles, seededRandom(options.seed));
  for (let first = 0; first < options.cycles && trial.isSound; first += cyclesPerFolder)
    await trial.runFolder(moments.slice(first, Math.min(options.cycles, first + cyclesPerFolder)));
  return trial.result();
}

class KillTrial {
  readonly #options: KillOptions;
  readonly #random: () => number;
  readonly #picker: ReturnType<typeof createRequestPicker>;
  readonly #problems: string[] = [];
  readonly #readyMs: number[] = [];
  readonly #kills = new Map<KillMoment['kind'], number>();
  readonly #totals = { requests: 0, answered: 0, upstreamCalls: 0, tokens: 0, recovered: 0 };
  #onPoint: (point: OutsidePoint) => void = () => {};

  constructor(options: KillOptions) {
    this.#options = options;
    this.#random = seededRandom(options.seed + 1);
    this.#picker = createRequestPicker({ random: this.#random, weights, leavingShare });
  }

  get isSound(): boolean {
    return this.#problems.length === 0;
  }

  /** Kills the server of one folder at each of the moments, then lets it end well. */
  async runFolder(moments: readonly KillMoment[]): Promise<void> {
    const site = await openSite({
      random: this.#random,
      onCall: () => this.#onPoint('Gemini called'),
      onFrame: () => this.#onPoint('frame sent'),
    });
    for (const [index, moment] of moments.entries()) if (this.isSound) await this.#runCycle(site, moment, index > 0);
    if (this.isSound) await this.#endWell(site);
    if (!this.isSound) this.#problems.push(`the data is in ${site.dataDir}`);
    await site.close(!this.isSound);
  }

  async #runCycle(site: Site, moment: KillMoment, isRestart: boolean): Promise<void> {
    const startedAt = performance.now();
    const killer = createKiller(moment);
    const preloads = [...preloadsFor(moment), ...bugPreloads(this.#options.bug)];
    const started = await site.start({ preloads, onSpawn: killer.spawned }).catch((error: Error) => error);
    const readyMs = performance.now() - startedAt;
    const seenBefore = site.sightings.length;
    if (started instanceof Error) {
      if (!killer.hasKilled()) this.#problems.push(`the server does not start: ${started.message}`);
    } else {
      if (isRestart && preloads.length === 0) this.#readyMs.push(readyMs);
      this.#problems.push(...(await site.audit()).problems);
      if (this.isSound) await this.#loadUntilKilled(site, started, killer);
      await started.kill();
    }
    this.#kills.set(moment.kind, (this.#kills.get(moment.kind) ?? 0) + 1);
    this.#tell(site.sightings.length - seenBefore, started instanceof Error ? null : readyMs, moment);
  }

  async #loadUntilKilled(site: Site, gateway: GatewayProcess, killer: Killer): Promise<void> {
    await site.makeClients(gateway).catch((error) => killer.hasKilled() || Promise.reject(error));
    this.#onPoint = killer.pass;
    const load = startLoad({
      ...killer.watch,
      url: gateway.url,
      secrets: site.secrets,
      callerCount,
      next: this.#createRequests(),
      onSighting: (sighting) => site.sightings.push(sighting),
    });
    const admin = administer(site, gateway, () => killer.pass('client key acknowledged'));
    killer.loaded();
    await gateway.ended;
    killer.disarm();
    this.#onPoint = () => {};
    load.stop();
    await Promise.all([load.ended, admin]);
    if (!killer.hasKilled()) this.#problems.push(`the server ended by itself: ${gateway.output()}`);
    if (killer.isLate()) this.#problems.push(`the server never came to: ${describeMoment(killer.moment)}`);
  }

  #createRequests(): () => TrialRequest {
    let endless = 0;
    return () => {
      const request = this.#picker.next();
      if (request.course !== 'endless' || ++endless <= endlessMax) return request;
      return this.#picker.next('plain');
    };
  }

  /** The last life in a folder ends with SIGTERM. What it leaves is counted. */
  async #endWell(site: Site): Promise<void> {
    const gateway = await site.start();
    const exitCode = await gateway.stop();
    if (exitCode !== 0) this.#problems.push(`the server ended with ${exitCode} after SIGTERM`);
    const { problems, requests, upstreamCalls, tokens, ends } = await site.audit();
    this.#problems.push(...problems);
    this.#totals.requests += requests;
    this.#totals.upstreamCalls += upstreamCalls;
    this.#totals.tokens += tokens;
    this.#totals.recovered += [...ends.values()].filter((end) => end === 'RequestAborted by crash-recovery').length;
    this.#totals.answered += site.sightings.filter(({ end }) => end === 'answered').length;
  }

  #tell(requests: number, readyMs: number | null, moment: KillMoment): void {
    const count = [...this.#kills.values()].reduce((sum, number) => sum + number, 0);
    const ready = readyMs === null ? 'never ready' : `ready in ${Math.round(readyMs)} ms, ${requests} requests`;
    this.#options.tell(`kill ${count}: ${ready}, ${describeMoment(moment)}`);
  }

  result(): TrialResult {
    const { requests, answered, upstreamCalls, tokens, recovered } = this.#totals;
    const kills = [...this.#kills].map(([kind, count]) => `${count} ${kind}`).join(', ');
    const ready = Math.round(percentile(this.#readyMs, readyShare));
    if (this.#options.isTimed && ready >= readyMsMax)
      this.#problems.push(`ready again after ${ready} ms (99th percentile), not below ${readyMsMax}`);
    return {
      problems: this.#problems,
      figures: [
        `killed ${kills}`,
        `${requests} requests accepted, ${answered} answered, ${recovered} closed at a start`,
        `${upstreamCalls} upstream calls, ${tokens} tokens`,
        `ready again after ${Math.round(percentile(this.#readyMs, 0.5))} ms (median), ${ready} ms (99th percentile)`,
      ],
      conclusion: 'nothing lost, nothing counted twice, nothing open',
    };
  }
}

/** Looks at the head of the ledger and makes client keys until the server is gone. */
async function administer(site: Site, { graphql, createClientKey }: GatewayProcess, onKey: () => void): Promise<void> {
  try {
    for (let looks = 1; ; looks++) {
      const query = '{ ledger { headPosition headHash } }';
      site.heads.push((await graphql<{ ledger: Site['heads'][number] }>(query)).ledger);
      if (looks % looksPerKey > 0) continue;
      const name = `key ${site.clientKeyNames.length + 1}`;
      await createClientKey(name);
      site.clientKeyNames.push(name);
      onKey();
    }
  } catch {
    // It was killed.
  }
}
