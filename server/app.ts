import { randomBytes, randomUUIDv7 } from 'node:crypto';
import { mkdirSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import type { Worker } from 'node:worker_threads';
import Koa, { type Context } from 'koa';
import type { Logger } from 'pino';
import { type AdminParts, loadAdmin } from './admin/admin.ts';
import { loadClients } from './clients/clients.ts';
import { loadIdempotencyKeys } from './clients/idempotency.ts';
import { importAncestorKeys, isAncestorDatabase } from './clients/import-ancestor.ts';
import { loadLimiter } from './clients/limits/limiter.ts';
import type { Config } from './config.ts';
import { connectionOf, openDatabase } from './database.ts';
import { entities } from './entities.ts';
import { createGeminiClient, type GeminiClientOptions } from './gemini/gemini-client.ts';
import { createRefusedThinking } from './gemini/refused-thinking.ts';
import { apiRoutes } from './http/api-routes.ts';
import { billingRoutes } from './http/billing.ts';
import { isSecure } from './http/client-address.ts';
import { allowBrowsers } from './http/cors.ts';
import { dashboardRoutes } from './http/dashboard.ts';
import { apiEndpoints } from './http/endpoints.ts';
import { answerErrors } from './http/errors.ts';
import { graphqlRoutes, lazyGraphql } from './http/graphql.ts';
import { createGraphqlSocket, type GraphqlSocket } from './http/graphql-socket.ts';
import { healthRoutes } from './http/health.ts';
import { knownClient } from './http/known-client.ts';
import { lookUpRoutes } from './http/look-up-routes.ts';
import { modelRoutes } from './http/models.ts';
import { nativeRoutes } from './http/native-routes.ts';
import { normalizePath } from './http/normal-path.ts';
import { methodNotAllowed, notFound } from './http/not-found.ts';
import { refuseWebSockets } from './http/refuse-websockets.ts';
import { requestId } from './http/request-id.ts';
import { loadJobs } from './jobs/jobs.ts';
import { startKeeper } from './ledger/keeping/keeper.ts';
import { createLedger } from './ledger/ledger.ts';
import { lockDataDir } from './lock-data-dir.ts';
import { createMediaFetcher } from './media/media-fetcher.ts';
import { createModelCatalog } from './models/model-catalog.ts';
import { matchesPattern } from './models/model-pattern.ts';
import { readModelsFile, warningsOf } from './models/models-file.ts';
import { loadKeySettings } from './pool/key-settings.ts';
import { createPool, type PoolParts } from './pool/pool.ts';
import { recallUsage } from './pool/recall-usage.ts';
import { loadResourceOwners } from './pool/resource-owners.ts';
import { startRevival } from './pool/revival.ts';
import { createUpstreamKeyJobs, upstreamKeyWorks } from './pool/upstream-key-jobs.ts';
import { loadUpstreamKeys } from './pool/upstream-keys.ts';
import { chargeOrphans } from './pricing/charge-orphans.ts';
import { loadPriceBook } from './pricing/price-book.ts';
import { createDrains } from './relay/drains.ts';
import { createLiveCounters } from './relay/live-counters.ts';
import { createRelay } from './relay/relay.ts';
import { startUsageJournal } from './relay/usage-journal.ts';
import { createResponseStore } from './responses/response-store.ts';
import { loadSecrets } from './secrets/load-secrets.ts';
import { createServices } from './services.ts';
import { loadSignatures } from './signatures/signature-store.ts';
import { version } from './version.ts';
import { watchDisk } from './writer/disk-watch.ts';
import { startWriter } from './writer/writer.ts';

/** The gateway, ready to be put behind a listening socket. */
export interface App {
  koa: Koa;
  /** Subscriptions over WebSockets, for the server's upgrades. */
  socket: GraphqlSocket;
  /** The one-time code of the first run; null when there is an owner. */
  setupCode: string | null;
  upstreamKeyCount: number;
  /** Settles when the ledger can no longer be written: the process has to end. */
  failed: Promise<Error>;
  /** Loads what the first answers do without. */
  warmUp(): Promise<void>;
  /** No longer ready, as seen by `/readyz`; the dashboards are told to come back later. */
  drain(): void;
  openCalls(): number;
  /** How many of the open calls wait for a key. */
  waitingCalls(): number;
  abortCalls(): void;
  close(): Promise<void>;
}

/** What no setting reaches. */
export interface AppOptions extends Pick<AdminParts, 'passwordCost'>, Pick<GeminiClientOptions, 'connect' | 'clock'> {
  /** Waits between two tries of a request, ms. */
  delay?: PoolParts['delay'];
  /** Another way to the writer. */
  startWriter?: typeof startWriter;
  /** A thread that was started for the writer; else one is. */
  writerThread?: Worker;
}

const dashboardFolder = fileURLToPath(new URL('../dashboard/dist', import.meta.url));

/** THE COMPOSITION ROOT: the only file that knows every part. */
export async function createApp(
  config: Config,
  log: Logger,
  {
    passwordCost,
    delay = (ms) => sleep(ms),
    startWriter: start = startWriter,
    writerThread,
    connect,
    clock,
  }: AppOptions = {},
): Promise<App> {
  const now = Date.now;
  const modelsFile = readModelsFile(config.modelsFile);
  for (const warning of warningsOf(modelsFile)) log.warn(warning);
  const databaseFile = ownDatabaseFile(config.databaseFile);
  mkdirSync(dirname(databaseFile), { recursive: true });
  const unlock = lockDataDir(config.dataDir);
  // Before our own database is open: another SQLite in this process that closes it would take away the locks that keep readers beside us
  // (POSIX has one set per process and file), and the last of those would then delete the log that we write.
  const ancestors = [...new Set([config.databaseFile, config.ancestorDatabaseFile])].filter(isAncestorDatabase);
  const { jwtSecret, vault } = loadSecrets(config.dataDir, config);
  const disk = watchDisk(dirname(databaseFile), (isLow, bytesFree) => {
    if (isLow) log.error({ bytesFree }, 'the disk is nearly full: requests are refused until there is room');
    else log.info({ bytesFree }, 'there is room on the disk again');
  });
  const bootId = randomUUIDv7();
  const writer = await start(databaseFile, bootId, { mayBegin: () => !disk.isLow(), thread: writerThread });
  const { execute } = writer;
  const orm = await openDatabase(databaseFile, entities, 'read');
  const prices = await loadPriceBook({ execute, orm });
  const charges = await chargeOrphans(orm, prices);
  const { recovered } = await execute('ledger.startNode', { version, nodeVersion: process.version, charges });
  if (recovered > 0) log.warn({ recovered }, 'closed requests that a crash had left open');
  const ledger = createLedger({ ...writer, orm });

  const pool = createPool({
    strategy: config.poolStrategy,
    now,
    random: Math.random,
    delay,
  });
  pool.onChange((change) => {
    if (change.kind === 'rejected')
      log.warn({ key: change.key.maskedKey, failure: change.failure.class }, 'Google rejects an upstream key');
  });
  const upstreamKeys = await loadUpstreamKeys({ execute, orm, vault, pool, now });
  const keySettings = await loadKeySettings({ execute, orm, vault, pool, upstreamKeys, fitsModel: matchesPattern });
  for (const key of config.geminiApiKeys) await upstreamKeys.add(key, 'ENVIRONMENT', 'environment');
  for (const file of ancestors) {
    const imported = await importAncestorKeys(file, { execute, orm, vault });
    if (imported > 0) log.info({ imported }, 'took over client keys of the old program');
  }
  const clients = await loadClients({ execute, orm, vault });
  const limiter = await loadLimiter({ orm, now });
  const idempotencyKeys = await loadIdempotencyKeys({ orm, vault, now });
  const owner = { username: config.adminUsername, password: config.adminPassword };
  const admin = await loadAdmin({ execute, orm, jwtSecret, owner, passwordCost, now });

  const gemini = createGeminiClient({
    baseUrl: config.geminiBaseUrl,
    httpsProxy: config.httpsProxy,
    noProxy: config.noProxy,
    connect,
    clock,
  });
  const models = createModelCatalog({
    file: modelsFile,
    pool,
    gemini,
    prices,
    now,
    delay: (ms) => sleep(ms, undefined, { ref: false }),
  });
  const counters = createLiveCounters(now);
  const signatures = await loadSignatures({
    execute,
    orm,
    now,
    onError: (error) => log.error({ err: error }, 'thought signatures were not stored'),
  });
  const media = createMediaFetcher({ allow: config.imageFetchAllow });
  const owners = await loadResourceOwners({ execute, orm, now });
  const responses = createResponseStore(now);
  const translation = {
    modelOf: models.resolve,
    rulesOf: models.rulesOf,
    outputTokenLimit: models.outputTokenLimit,
    takesTopK: models.takesTopK,
    signatureOf: signatures.get,
    randomId,
  };
  const relay = createRelay({
    ledger,
    pool,
    gemini,
    signatures,
    refusedThinking: createRefusedThinking(),
    responses,
    media,
    owners,
    prices,
    isStrict: config.strictParams,
    patienceMs: config.poolWaitSeconds * 1000,
    drains: createDrains(config.drainCancelled),
    translation,
    modelIds: models.ids,
    counters,
    now,
    randomId,
  });
  const works = upstreamKeyWorks({ upstreamKeys, pool, gemini, now });
  const newJobId = () => `job_${randomUUIDv7().replaceAll('-', '')}`;
  const jobs = await loadJobs({ execute, orm, vault, works, newId: newJobId });
  const upstreamKeyJobs = createUpstreamKeyJobs({ jobs, pool });
  const resolveModel = (model: string) => models.idOf(model) ?? model;
  await recallUsage({ orm, pool, resolveModel, now });
  const parts = {
    orm,
    execute,
    ledger,
    pool,
    counters,
    now,
    admin,
    clients,
    limiter,
    prices,
    upstreamKeys,
    keySettings,
    upstreamKeyJobs,
    jobs,
  };
  const services = await createServices({ ...parts, resolveModel });

  const graphqlParts = { services, jwtSecret, trustedProxies: config.trustedProxies };
  const graphql = lazyGraphql();
  const socket = createGraphqlSocket(graphql, graphqlParts);

  jobs.resume();
  const sign = (text: string) => vault.fingerprint('ledger-seal', text);
  const keeping = { execute, connection: await connectionOf(orm), sign, now };
  const stopKeeper = startKeeper(keeping, config.ledgerKeepDays, (error) =>
    log.error({ err: error }, 'days of the ledger were not sealed or archived'),
  );
  const stopJournal = startUsageJournal(execute, relay.seenUsage);
  const revival = startRevival({ pool, gemini, now });

  let isReady = true;
  const koa = new Koa();
  koa.silent = true;
  const heartbeatMs = config.heartbeatSeconds * 1000;
  const originOf = ({ req, host }: Context) => `${isSecure(req, config.trustedProxies) ? 'https' : 'http'}://${host}`;
  const known = knownClient({ clients, limiter, trustedProxies: config.trustedProxies, now });
  const api = apiRoutes({ known, relay, responses, idempotencyKeys, heartbeatMs });
  const routers = [
    api,
    modelRoutes(known, models),
    nativeRoutes({ known, relay, heartbeatMs, originOf }),
    billingRoutes(known, services),
    graphqlRoutes(graphql, graphqlParts),
    healthRoutes(() => isReady && !disk.isLow()),
    dashboardRoutes(dashboardFolder),
  ];
  const endpoints = apiEndpoints(routers);
  koa.use(requestId());
  koa.use(answerErrors(log));
  koa.use(normalizePath(endpoints));
  koa.use(allowBrowsers());
  koa.use(refuseWebSockets());
  koa.use(lookUpRoutes(api));
  koa.use(methodNotAllowed(endpoints, originOf));
  for (const router of routers) koa.use(router.routes()).use(router.allowedMethods());
  koa.use(notFound(endpoints, originOf));

  return {
    koa,
    setupCode: admin.setupCode(),
    upstreamKeyCount: pool.keys().length,
    failed: writer.failed,
    socket,
    async warmUp() {
      await graphql();
    },
    drain() {
      isReady = false;
      void socket.close();
    },
    openCalls: relay.openCalls,
    waitingCalls: pool.waiting,
    abortCalls: relay.abortAll,
    async close() {
      await socket.close();
      const jobsStopped = jobs.stop();
      revival.stop();
      stopJournal();
      disk.stop();
      await stopKeeper();
      await gemini.close();
      await jobsStopped;
      await media.close();
      await execute('ledger.stopNode', {});
      await writer.close();
      await orm.close();
      unlock();
    },
  };
}

/** The old program's file stays as it is: our own lies beside it. */
function ownDatabaseFile(file: string): string {
  return isAncestorDatabase(file) ? join(dirname(file), 'gemini-pool.db') : file;
}

const idAlphabet = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789';

function randomId(length: number): string {
  return Array.from(randomBytes(length), (byte) => idAlphabet[byte % idAlphabet.length]).join('');
}
