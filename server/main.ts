import type { AddressInfo } from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';
import pino from 'pino';
import { type App, createApp } from './app.ts';
import { type Config, ConfigError, readConfig } from './config.ts';
import { DatabaseError } from './database.ts';
import { createHttpServer } from './http/server.ts';
import { DataDirInUse } from './lock-data-dir.ts';
import { DamagedSecret, WrongEncryptionKey } from './secrets/load-secrets.ts';

/** The process: settings, parts, socket, signals, drain. */
async function main(): Promise<void> {
  const config = readConfig();
  const log = pino({ level: config.logLevel });
  for (const warning of config.warnings) log.warn(warning);
  const app = await createApp(config, log);
  const server = createHttpServer(app.koa.callback(), app.socket);
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(config.listen.port, config.listen.host, resolve);
  });
  greet(config, app, (server.address() as AddressInfo).port);

  let isStopping = false;
  const stop = async () => {
    if (isStopping) {
      app.abortCalls();
      return;
    }
    isStopping = true;
    app.drain();
    server.close();
    server.closeIdleConnections();
    const deadline = performance.now() + config.shutdownGraceSeconds * 1000;
    while (app.openCalls() > 0 && performance.now() < deadline) await delay(20);
    app.abortCalls();
    while (app.openCalls() > 0) await delay(5);
    server.closeAllConnections();
    await app.close();
    process.exit(0);
  };
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.on(signal, () => void stop());
  const error = await app.failed;
  log.fatal({ err: error }, 'the ledger cannot be written any more');
  process.exit(1);
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

main().catch((error: Error) => {
  const isPlain = plainErrors.some((type) => error instanceof type);
  console.error(isPlain || 'code' in error ? error.message : error);
  process.exit(1);
});
