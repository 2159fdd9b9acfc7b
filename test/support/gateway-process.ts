import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { settings } from '../../server/config.ts';
import { freePort } from './free-port.ts';
import { killAtExit } from './kill-at-exit.ts';

/** The gateway as its users run it: a process of its own, spoken to over HTTP only. */
export interface GatewayProcess {
  url: string;
  port: number;
  pid: number;
  dataDir: string;
  /** Everything it printed so far. */
  output(): string;
  /** Asks the admin API as the owner. @throws Error with GraphQL's words, or those of an expected failure. */
  graphql<Data>(query: string, variables?: Record<string, unknown>): Promise<Data>;
  /** The secret of a new client key. */
  createClientKey(name: string): Promise<string>;
  /** SIGTERM and its exit code. The data stays. */
  stop(): Promise<number | null>;
  /** The power fails. The data stays. */
  kill(): Promise<void>;
  /** Settles when it has ended, however, and all it printed has been read. */
  ended: Promise<void>;
  /** Removes the data folder, if it was made here. */
  removeData(): void;
}

export interface GatewayProcessOptions {
  /** Settings. Nothing is taken from this process's own settings or from a `.env`. */
  env?: Record<string, string>;
  /** A fresh temporary folder unless given. */
  dataDir?: string;
  port?: number;
  host?: string;
  /** Words before `node`, such as `['taskset', '-c', '0']`. */
  launcher?: string[];
  /** The program that starts it, when it is not the usual one. */
  main?: string;
  /** Told what it prints. */
  onOutput?(text: string): void;
  /** Told of the process before it is ready. */
  onSpawn?(child: ChildProcess): void;
}

const usualMain = fileURLToPath(new URL('../../server/main.ts', import.meta.url));
const readyMsMax = 60_000;
const pollMs = 20;
const owner = { username: 'owner', password: 'a-long-password-for-tests' };

/** Starts the gateway and waits until it is ready. */
export async function startGatewayProcess(options: GatewayProcessOptions = {}): Promise<GatewayProcess> {
  const { env = {}, launcher = [], host = '127.0.0.1', main = usualMain } = options;
  const port = options.port ?? (await freePort());
  const dataDir = options.dataDir ?? mkdtempSync(join(tmpdir(), 'gemini-pool-'));
  const all = {
    ...withoutSettings(process.env),
    ADMIN_USERNAME: owner.username,
    ADMIN_PASSWORD: owner.password,
    LOG_LEVEL: 'warn',
    ...env,
    DATA_DIR: dataDir,
    LISTEN_ADDR: `${host}:${port}`,
  };
  const [command = '', ...args] = [...launcher, process.execPath, main];
  // In the data folder, because a .env of the working folder would be read.
  const child = spawn(command, args, { cwd: dataDir, env: all, stdio: ['ignore', 'pipe', 'pipe'] });
  killAtExit(child);
  const ended = new Promise<void>((resolve) => child.once('close', () => resolve()));
  options.onSpawn?.(child);
  let output = '';
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding('utf8').on('data', (text: string) => {
      output += text;
      options.onOutput?.(text);
    });
  }
  const url = `http://127.0.0.1:${port}`;
  const removeData = () => {
    if (options.dataDir === undefined) rmSync(dataDir, { recursive: true, force: true });
  };
  try {
    await untilReady(url, child);
  } catch (error) {
    removeData();
    throw new Error(`${(error as Error).message}\n${output}`);
  }
  const graphql = createGraphqlCaller(url, all.ADMIN_USERNAME, all.ADMIN_PASSWORD);
  return {
    url,
    port,
    pid: child.pid ?? 0,
    dataDir,
    output: () => output,
    graphql,
    async createClientKey(name) {
      const query = `mutation ($input: ClientKeyCreateInput!) {
        clientKeyCreate(input: $input) { ... on ClientKeyCreateSuccess { secret } ... on Error { message } }
      }`;
      const { clientKeyCreate } = await graphql<{ clientKeyCreate: { secret?: string; message?: string } }>(query, {
        input: { name },
      });
      if (clientKeyCreate.secret === undefined) throw new Error(clientKeyCreate.message);
      return clientKeyCreate.secret;
    },
    stop: () => end(child, 'SIGTERM'),
    kill: async () => void (await end(child, 'SIGKILL')),
    ended,
    removeData,
  };
}

function withoutSettings(env: NodeJS.ProcessEnv): NodeJS.ProcessEnv {
  return Object.fromEntries(Object.entries(env).filter(([name]) => !Object.hasOwn(settings, name)));
}

async function untilReady(url: string, child: ChildProcess): Promise<void> {
  const deadline = performance.now() + readyMsMax;
  while (performance.now() < deadline) {
    const ending = child.exitCode ?? child.signalCode;
    if (ending !== null) throw new Error(`The gateway ended with ${ending} before it was ready.`);
    const response = await fetch(`${url}/readyz`).catch(() => null);
    if (response?.ok) return;
    await delay(pollMs);
  }
  child.kill('SIGKILL');
  throw new Error(`The gateway was not ready within ${readyMsMax / 1000} s.`);
}

async function end(child: ChildProcess, signal: NodeJS.Signals): Promise<number | null> {
  if (child.exitCode === null && child.signalCode === null) {
    child.kill(signal);
    await once(child, 'exit');
  }
  return child.exitCode;
}

/** Signs in at the first question. */
function createGraphqlCaller(url: string, username: string, password: string): GatewayProcess['graphql'] {
  let token: Promise<string> | null = null;

  async function post<Data>(query: string, variables: object, headers: Record<string, string>): Promise<Data> {
    const response = await fetch(`${url}/graphql`, {
      method: 'POST',
      headers: { 'content-type': 'application/json', ...headers },
      body: JSON.stringify({ query, variables }),
    });
    const { data, errors } = (await response.json()) as { data: Data; errors?: { message: string }[] };
    if (errors) throw new Error(errors.map((error) => error.message).join('; '));
    return data;
  }

  async function signIn(): Promise<string> {
    const query = `mutation ($input: SessionCreateInput!) {
      sessionCreate(input: $input) { ... on SessionCreateSuccess { token } ... on Error { message } }
    }`;
    const input = { username, password };
    const { sessionCreate } = await post<{ sessionCreate: { token?: string; message?: string } }>(query, { input }, {});
    if (sessionCreate.token === undefined) throw new Error(sessionCreate.message);
    return sessionCreate.token;
  }

  return async (query, variables = {}) => {
    token ??= signIn();
    return post(query, variables, { authorization: `Bearer ${await token}` });
  };
}
