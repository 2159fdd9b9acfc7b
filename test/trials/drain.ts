import { seededRandom } from '../simulate/pool/seeded-random.ts';
import type { GatewayProcess } from '../support/gateway-process.ts';
import type { TerminalName } from './support/audit.ts';
import { readBooks } from './support/books.ts';
import { type HeldRequests, holdRequests } from './support/hold-requests.ts';
import { type Sighting, startLoad } from './support/load.ts';
import { createRequestPicker, type RequestPicker } from './support/pick-requests.ts';
import { bugPreloads } from './support/preload.ts';
import { plainForm, streamForms } from './support/request-forms.ts';
import { openSite, type Site } from './support/site.ts';
import type { TrialOptions, TrialResult } from './support/trial.ts';

export interface DrainOptions extends TrialOptions {
  /** How often a server is stopped. */
  cycles: number;
}

/** What a shutdown meets. */
interface Scenario {
  name: 'all end' | 'some never end' | 'second signal';
  graceSeconds: number;
  /** So long after the signal that ends it, it has to be over. */
  exitMsMax: number;
}

const marginMs = 2000;
const scenarios: readonly Scenario[] = [
  { name: 'all end', graceSeconds: 60, exitMsMax: 4000 },
  { name: 'some never end', graceSeconds: 2, exitMsMax: 2000 + marginMs },
  { name: 'second signal', graceSeconds: 600, exitMsMax: marginMs },
];
const weights = { plain: 50, paced: 30, 'limited once': 5, 'overloaded once': 5, refused: 5, 'broken off': 5 };
const callerCount = 6;
const endlessCount = 3;
const offMsMax = 500;
/** A server that is ready so long after the signal will not become unready. */
const offMsLast = 10_000;
const shutDown: TerminalName = 'RequestAborted by shutdown';

/**
 * Stops the server (SIGTERM) under load, with streams open. It must say at once that it is not ready, let end what ends within its grace, tell
 * the others that they were cut off, and exit 0 with every request settled. A second signal ends the grace.
 */
export async function drainTrial(options: DrainOptions): Promise<TrialResult> {
  const trial = new DrainTrial(options);
  for (let cycle = 0; cycle < options.cycles && trial.isSound; cycle++)
    await trial.runCycle(scenarios[cycle % scenarios.length] as Scenario);
  return trial.result();
}

class DrainTrial {
  readonly #options: DrainOptions;
  readonly #random: () => number;
  readonly #picker: RequestPicker;
  readonly #problems: string[] = [];
  readonly #totals = { stops: 0, requests: 0, answered: 0, shutDown: 0, offMs: 0 };
  readonly #exitMs = new Map<Scenario['name'], number>();

  constructor(options: DrainOptions) {
    this.#options = options;
    this.#random = seededRandom(options.seed);
    this.#picker = createRequestPicker({ random: this.#random, weights });
  }

  get isSound(): boolean {
    return this.#problems.length === 0;
  }

  /** One life of a server, from its start to its end by signal. */
  async runCycle(scenario: Scenario): Promise<void> {
    const gate = Promise.withResolvers<void>();
    let held: HeldRequests | null = null;
    const site = await openSite({ random: this.#random, gate: gate.promise, onCall: (marker) => held?.called(marker) });
    const env = { SHUTDOWN_GRACE_SECONDS: String(scenario.graceSeconds) };
    const gateway = await site.start({ env, preloads: bugPreloads(this.#options.bug) });
    await site.makeClients(gateway);
    const onSighting = (sighting: Sighting) => site.sightings.push(sighting);
    const { secrets } = site;
    const next = () => this.#picker.next();
    const load = startLoad({ url: gateway.url, secrets, callerCount, next, onSighting });
    held = holdRequests(this.#requestsToHold(scenario), {
      url: gateway.url,
      secret: secrets[0] ?? '',
      isSlow: ({ course }) => course === 'large',
      onSighting,
    });
    await held.begun;
    await this.#stop(gateway, scenario, gate.resolve);
    load.stop();
    await Promise.all([load.ended, held.ended]);
    await this.#judgeBooks(site, scenario);
    gate.resolve();
    await site.close();
  }

  #requestsToHold({ name }: Scenario) {
    const gated = [...streamForms, plainForm].map((form) => this.#picker.of(form, 'gated'));
    if (name === 'all end') return [...gated, this.#picker.of(plainForm, 'large')];
    const endless = streamForms.slice(0, endlessCount).map((form) => this.#picker.of(form, 'endless'));
    return [...gated, ...endless];
  }

  /** @param open Lets the gated answers end. */
  async #stop(gateway: GatewayProcess, scenario: Scenario, open: () => void): Promise<void> {
    const signalledAt = performance.now();
    const exit = gateway.stop();
    if (!(await isUnready(gateway, signalledAt + offMsLast))) this.#problems.push('the server stays ready');
    const offMs = Math.round(performance.now() - signalledAt);
    if (scenario.name === 'second signal') process.kill(gateway.pid, 'SIGTERM');
    else open();
    const exitCode = await exit;
    const exitMs = Math.round(performance.now() - signalledAt);
    if (exitCode !== 0) this.#problems.push(`the server ended with ${exitCode}: ${gateway.output()}`);
    this.#judgeTimes(scenario, offMs, exitMs);
    this.#options.tell(`${scenario.name}: unready after ${offMs} ms, over after ${exitMs} ms`);
  }

  #judgeTimes({ name, exitMsMax }: Scenario, offMs: number, exitMs: number): void {
    this.#totals.stops++;
    this.#totals.offMs = Math.max(this.#totals.offMs, offMs);
    this.#exitMs.set(name, Math.max(this.#exitMs.get(name) ?? 0, exitMs));
    if (!this.#options.isTimed) return;
    if (offMs > offMsMax) this.#problems.push(`${name}: still ready ${offMs} ms after the signal`);
    if (exitMs > exitMsMax) this.#problems.push(`${name}: over after ${exitMs} ms, not within ${exitMsMax}`);
  }

  async #judgeBooks(site: Site, scenario: Scenario): Promise<void> {
    const { problems, requests, ends } = await site.audit();
    this.#problems.push(...problems);
    const last = readBooks(site.dataDir).events.at(-1)?.body.type;
    if (last !== 'NodeStopped') this.#problems.push(`the last event is ${last}`);
    for (const sighting of site.sightings)
      this.#problems.push(...endProblems(sighting, ends.get(sighting.marker), scenario));
    this.#totals.requests += requests;
    this.#totals.answered += site.sightings.filter(({ end }) => end === 'answered').length;
    this.#totals.shutDown += [...ends.values()].filter((end) => end === shutDown).length;
  }

  result(): TrialResult {
    const { stops, requests, answered, shutDown: cutOff, offMs } = this.#totals;
    const exits = [...this.#exitMs].map(([name, ms]) => `${ms} ms when ${name}`).join(', ');
    return {
      problems: this.#problems,
      figures: [
        `${stops} stops, ${requests} requests accepted, ${answered} answered, ${cutOff} told that the server stopped`,
        `unready after ${offMs} ms at most, over after ${exits} at most`,
      ],
      conclusion: 'nothing lost',
    };
  }
}

/** Asks until the server no longer says that it is ready, by its answer or by taking no connections. False: it says so to the end. */
async function isUnready({ url }: GatewayProcess, until: number): Promise<boolean> {
  while (performance.now() < until) {
    const response = await fetch(`${url}/readyz`, { headers: { connection: 'close' } }).catch(() => null);
    await response?.text();
    if (!response?.ok) return true;
  }
  return false;
}

/** Who was accepted is told an end, and what could end in time did. */
function endProblems({ marker, form, course, end }: Sighting, booked: TerminalName | undefined, { name }: Scenario) {
  const what = `${marker} (${form.name}, ${course}; ${name})`;
  if (booked === undefined) return [];
  if (end === 'cut') return [`the connection of ${what} was cut, and in the books is ${booked}`];
  const mayBeCutOff = name === 'second signal' || (name === 'some never end' && course === 'endless');
  return booked === shutDown && !mayBeCutOff ? [`${what} was cut off although it would have ended`] : [];
}
