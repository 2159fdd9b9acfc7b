import type { AddressInfo } from 'node:net';
import OpenAI from 'openai';
import pino from 'pino';
import { onTestFinished } from 'vitest';
import { type AppOptions, createApp } from '../../server/app.ts';
import { type Config, readConfig } from '../../server/config.ts';
import { openDatabase } from '../../server/database.ts';
import { entities } from '../../server/entities.ts';
import { type ConnectionLimits, createHttpServer } from '../../server/http/server.ts';
import { verify } from './ledger.ts';
import { startSimulatedGemini } from './simulated-gemini.ts';
import { type AtEnd, temporaryFolder } from './temporary-folder.ts';

export const password = 'correct-horse-battery';

/** What no setting reaches: times shorter than people would set. */
export interface TestGatewayOptions {
  config?: Partial<Config>;
  limits?: ConnectionLimits;
  app?: AppOptions;
  /** The way to the simulated Gemini, when it is not straight. @param url The simulated Gemini's. */
  baseUrl?: (url: string) => string | Promise<string>;
  /** Takes what it logs, a line of JSON each. */
  log?: (line: string) => void;
  /** For a gateway that several tests share. */
  atEnd?: AtEnd;
}

/** Nothing is waited for between the tries of a request: for tests in which tries fail that are not about that. */
export const withoutPauses: TestGatewayOptions = { app: { delay: async () => {} } };

/** The whole gateway in this process, on a socket, with a simulated Gemini behind it. Ends with the test. */
export async function startTestGateway(settings: Record<string, string> = {}, options: TestGatewayOptions = {}) {
  const { atEnd = onTestFinished, baseUrl = (url) => url } = options;
  const gemini = await startSimulatedGemini(atEnd);
  const folder = temporaryFolder(atEnd);
  const defaults = {
    GEMINI_BASE_URL: await baseUrl(gemini.url),
    GEMINI_API_KEYS: 'AIzaFirst-0123456789,AIzaSecond-0123456789',
    ADMIN_PASSWORD: password,
    DATA_DIR: folder,
    // Most tests are about what a client is told when no key is free, not about waiting for one.
    POOL_WAIT_SECONDS: '0',
  };
  const config = { ...readConfig({ ...defaults, ...settings }, folder), ...options.config };
  let running = await listen(config, 0, options);
  const { app, port } = running;
  atEnd(() => running.stop());
  const url = `http://127.0.0.1:${port}`;
  const graphql = createGraphqlCaller(url);
  const createClientKey = async (): Promise<string> => {
    await signIn(graphql);
    const { clientKeyCreate } = await graphql(
      `mutation { clientKeyCreate(input: {name: "test"}) { ... on ClientKeyCreateSuccess { secret } } }`,
    );
    return clientKeyCreate.secret;
  };
  return {
    url,
    port,
    /** DATA_DIR. */
    folder,
    app,
    gemini,
    graphql,
    /** Stops it and starts it again on the same data and the same address. */
    async restart() {
      await running.stop();
      running = await listen(config, port, options);
    },
    /** Checks its ledger against a rebuild. */
    async verifyLedger() {
      const orm = await openDatabase(config.databaseFile, entities, 'read');
      try {
        return await verify(orm, atEnd);
      } finally {
        await orm.close();
      }
    },
    /** Signs in as the owner and makes a client key; gives its secret. */
    createClientKey,
    /** Signs in, and from then on `graphql` is the owner's. */
    signIn: () => signIn(graphql),
    /** The official client with a new client key. It does not retry: that would hide what the gateway does. */
    async openai(): Promise<OpenAI> {
      return new OpenAI({ baseURL: `${url}/v1`, apiKey: await createClientKey(), maxRetries: 0 });
    },
  };
}

/** Passwords are guarded in earnest in `passwords.test.ts`; elsewhere that would only take time. */
const quick = { memoryKib: 64, passes: 1 };

async function listen(config: Config, wantedPort: number, { limits, log, app: given }: TestGatewayOptions) {
  const logger = log ? pino({ level: 'info' }, { write: log }) : pino({ level: 'silent' });
  const app = await createApp(config, logger, { passwordCost: quick, ...given });
  const server = createHttpServer(app.koa.callback(), app.socket, limits);
  await new Promise<void>((resolve) => server.listen(wantedPort, '127.0.0.1', resolve));
  const stop = async () => {
    app.drain();
    server.closeAllConnections();
    server.close();
    await app.close();
  };
  return { app, port: (server.address() as AddressInfo).port, stop };
}

type GraphqlCaller = ReturnType<typeof createGraphqlCaller>;

/** Calls the admin API; throws what it answers in `errors`. */
export function createGraphqlCaller(url: string) {
  // biome-ignore lint/suspicious/noExplicitAny: the answer's shape is the query's.
  const call = async (query: string, variables: Record<string, unknown> = {}): Promise<any> => {
    const response = await fetch(`${url}/graphql`, {
      method: 'POST',
      headers: { 'content-type': 'application/json', ...(call.token && { authorization: `Bearer ${call.token}` }) },
      body: JSON.stringify({ query, variables }),
    });
    const { data, errors } = (await response.json()) as { data: unknown; errors?: { message: string }[] };
    if (errors) throw new Error(errors.map(({ message }) => message).join('; '));
    return data;
  };
  call.token = '';
  return call;
}

async function signIn(graphql: GraphqlCaller): Promise<void> {
  const input = { username: 'admin', password };
  const { sessionCreate } = await graphql(
    `mutation ($input: SessionCreateInput!) { sessionCreate(input: $input) { ... on SessionCreateSuccess { token } } }`,
    { input },
  );
  graphql.token = sessionCreate.token;
}
