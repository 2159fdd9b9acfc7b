import type { AddressInfo } from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';
import type { Worker } from 'node:worker_threads';
import pino from 'pino';
import { type App, createApp } from './app.ts';
import { type Config, ConfigError, readConfig } from './config.ts';
import { DatabaseError } from './database.ts';
import { createHttpServer, followConnections } from './http/server.ts';
import { DataDirInUse } from './lock-data-dir.ts';
import { DamagedSecret, WrongEncryptionKey } from './secrets/load-secrets.ts';

/**
 * The process: settings, parts, socket, signals, drain. Resolves when it is ready; a start that cannot be ends the process with a sentence.
 * @param writerThread Was started before, to be ready by now.
 */
export async function start(writerThread: Worker): Promise<void> {
  try {
    await serve(writerThread);
  } catch (error) {
    const isPlain = plainErrors.some((type) => error instanceof type);
    console.error(isPlain || 'code' in (error as Error) ? (error as Error).message : error);
    process.exit(1);
  }
}

async function serve(writerThread: Worker): Promise<void> {
  const config = readConfig();
  const log = pino({ level: config.logLevel });
  for (const warning of config.warnings) log.warn(warning);
  const app = await createApp(config, log, { writerThread });
  const server = createHttpServer(app.koa.callback(), app.socket);
  const connections = followConnections(server);
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(config.listen.port, config.listen.host, resolve);
  });
  setImmediate(() => void app.warmUp());
  greet(config, app, (server.address() as AddressInfo).port);

  let isStopping = false;
  let deadline = 0;
  const stop = async () => {
    if (isStopping) {
      deadline = 0;
      app.abortCalls();
      return;
    }
    isStopping = true;
    app.drain();
    let isClosed = false;
    server.close(() => {
      isClosed = true;
    });
    deadline = performance.now() + config.shutdownGraceSeconds * 1000;
    do {
      connections.windDown();
      await delay(10);
    } while (app.openCalls() > 0 && performance.now() < deadline);
    // Again and again: one whose body has just arrived may have begun meanwhile.
    do {
      app.abortCalls();
      await delay(5);
    } while (app.openCalls() > 0);
    // What was answered may still be on its way to a slow reader.
    while (!isClosed && performance.now() < deadline) {
      connections.windDown();
      await delay(5);
    }
    server.closeAllConnections();
    await app.close();
    process.exit(0);
  };
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.on(signal, () => void stop());
  void app.failed.then((error) => {
    log.fatal({ err: error }, 'the ledger cannot be written any more');
    process.exit(1);
  });
}

/** Four lines: where it answers, and how to get in. */
function greet({ listen, adminUsername, adminPassword }: Config, app: App, port: number): void {
  const host = listen.host === '0.0.0.0' || listen.host === '::' ? 'localhost' : listen.host;
  const url = `http://${host.includes(':') ? `[${host}]` : host}:${port}`;
  const signIn = app.setupCode
    ? `First run:  the setup code is ${app.setupCode} (30 minutes)`
    : `Sign in:    as ${adminUsername}${adminPassword === null ? '' : ', with the password in ADMIN_PASSWORD'}`;
  console.log(
    [
      `Dashboard:  ${url}`,
      `API:        ${url}/v1`,
      signIn,
      `Pool:       ${app.upstreamKeyCount} Gemini key(s)${app.upstreamKeyCount === 0 ? '; add some in the dashboard, or set GEMINI_API_KEYS' : ''}`,
    ].join('\n'),
  );
}

/** Errors whose message says all: a person can act on it, and a stack would only hide it. */
const plainErrors = [ConfigError, DatabaseError, WrongEncryptionKey, DamagedSecret, DataDirInUse];
