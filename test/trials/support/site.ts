import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type GatewayProcess, type GatewayProcessOptions, startGatewayProcess } from '../../support/gateway-process.ts';
import { type SimulatedGemini, startSimulatedGemini } from '../../support/gemini-simulator.ts';
import { type Audit, auditBooks, type Evidence } from './audit.ts';
import { readBooks, verifyBooks } from './books.ts';
import { type CoursesOptions, followCourses } from './courses.ts';
import type { Sighting } from './load.ts';
import { type Preload, preloadEnv } from './preload.ts';

/** A data folder and the world around it, over the lives of all processes that work in it. */
export interface Site {
  dataDir: string;
  gemini: SimulatedGemini;
  /** What clients and admins saw. */
  sightings: Sighting[];
  heads: Evidence['heads'][number][];
  clientKeyNames: string[];
  /** Of the client keys that the load uses. */
  secrets: string[];
  start(options?: SiteStart): Promise<GatewayProcess>;
  /** Makes the client keys of the load, unless they are there. */
  makeClients(gateway: GatewayProcess): Promise<void>;
  /** Compares the books with what happened. Only while no request is in progress, and no gateway writes. */
  audit(): Promise<Audit>;
  /** @param keepsData For somebody to look at. */
  close(keepsData?: boolean): Promise<void>;
}

export interface SiteStart extends Pick<GatewayProcessOptions, 'launcher' | 'onSpawn'> {
  env?: Record<string, string>;
  preloads?: Preload[];
}

const upstreamKeyCount = 24;
const clientCount = 3;

/** The pool is large enough that a key that rests is never missed. The last four characters tell the keys apart. */
const upstreamKeys = Array.from({ length: upstreamKeyCount }, (_, index) => `AIza-a-key-of-the-trial-${1000 + index}`);

export async function openSite(courses: CoursesOptions): Promise<Site> {
  const dataDir = mkdtempSync(join(tmpdir(), 'gemini-pool-trial-'));
  const gemini = await startSimulatedGemini();
  followCourses(gemini, courses);
  const site: Site = {
    dataDir,
    gemini,
    sightings: [],
    heads: [],
    clientKeyNames: [],
    secrets: [],
    start({ env, preloads = [], ...options } = {}) {
      const settings = { GEMINI_BASE_URL: gemini.url, GEMINI_API_KEYS: upstreamKeys.join(',') };
      return startGatewayProcess({ ...options, dataDir, env: { ...settings, ...env, ...preloadEnv(preloads) } });
    },
    async makeClients(gateway) {
      while (site.secrets.length < clientCount) {
        const name = `client ${site.secrets.length + 1}`;
        site.secrets.push(await gateway.createClientKey(name));
        site.clientKeyNames.push(name);
      }
    },
    async audit() {
      await settle(gemini);
      const found = auditBooks(readBooks(dataDir), { ...site, calls: gemini.calls });
      const unsound = await verifyBooks(dataDir);
      return { ...found, problems: [...(unsound ? [`the ledger is not sound: ${unsound}`] : []), ...found.problems] };
    },
    async close(keepsData = false) {
      await gemini.close();
      if (!keepsData) rmSync(dataDir, { recursive: true, force: true });
    },
  };
  return site;
}

/** Waits until Gemini has seen all that was sent to it. A connection of our own is accepted and read behind those of the dead. */
async function settle(gemini: SimulatedGemini): Promise<void> {
  await (await fetch(`${gemini.url}/v1beta/models`, { headers: { connection: 'close' } })).text();
  await Promise.all(gemini.calls.map(({ ended }) => ended));
}
