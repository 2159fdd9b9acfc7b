import { spawn } from 'node:child_process';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { openDatabase } from '../../server/database.ts';
import { entities } from '../../server/entities.ts';
import { createGraphqlCaller, password } from '../support/gateway.ts';
import { verify } from '../support/ledger.ts';
import { frame, startSimulatedGemini } from '../support/simulated-gemini.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';

/** Starts `server/main.ts` as a process of its own and waits until it says where it answers. */
async function startProcess(settings: Record<string, string>) {
  const child = spawn(process.execPath, ['server/main.ts'], {
    env: {
      PATH: process.env.PATH,
      LISTEN_ADDR: '127.0.0.1:0',
      LOG_LEVEL: 'silent',
      ADMIN_PASSWORD: password,
      ...settings,
    },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  onTestFinished(() => void child.kill('SIGKILL'));
  const ended = new Promise<number | null>((resolve) => child.once('exit', resolve));
  let output = '';
  for (const stream of [child.stdout, child.stderr]) stream.on('data', (text) => (output += text));
  const ready = () => /API: +(http:\S+)\/v1/.exec(output)?.[1];
  await Promise.race([expect.poll(ready, { timeout: 15_000 }).toBeTruthy(), ended]);
  return { child, ended, url: ready() ?? '', output: () => output };
}

async function createKey(url: string): Promise<string> {
  const graphql = createGraphqlCaller(url);
  const signIn = `mutation { sessionCreate(input: {username: "admin", password: "${password}"}) { ... on SessionCreateSuccess { token } } }`;
  graphql.token = (await graphql(signIn)).sessionCreate.token;
  const created = await graphql(
    'mutation { clientKeyCreate(input: {name: "whole"}) { ... on ClientKeyCreateSuccess { secret } } }',
  );
  return created.clientKeyCreate.secret;
}

function chat(url: string, secret: string, isStreaming: boolean): Promise<Response> {
  return fetch(`${url}/v1/chat/completions`, {
    method: 'POST',
    headers: { authorization: `Bearer ${secret}` },
    body: JSON.stringify({
      model: 'gemini-3.8-flash',
      stream: isStreaming,
      messages: [{ role: 'user', content: 'x' }],
    }),
  });
}

test('after kill -9 no call is without its event, nothing stays open, and the ledger verifies', {
  timeout: 60_000,
}, async () => {
  const gemini = await startSimulatedGemini();
  const folder = temporaryFolder();
  const settings = { DATA_DIR: folder, GEMINI_BASE_URL: gemini.url, GEMINI_API_KEYS: 'AIzaOnly-0123456789' };
  gemini.answerWith(({ path }) => (path.includes('stream') ? { frames: [frame('Hel'), new Promise(() => {})] } : null));
  let acknowledged = 0;
  let secret = '';
  for (let round = 0; round < 3; round++) {
    const { child, ended, url } = await startProcess(settings);
    secret ||= await createKey(url);
    const callers = Array.from({ length: 8 }, async (_unused, index) => {
      for (let count = 0; count < 20; count++) {
        const response = await chat(url, secret, index === 0);
        await response.text();
        acknowledged++;
      }
    });
    const load = Promise.allSettled(callers);
    await expect.poll(() => gemini.generations().length, { interval: 2 }).toBeGreaterThan(30 * (round + 1));
    child.kill('SIGKILL');
    await ended;
    await load;
  }
  const { child, ended } = await startProcess(settings);
  child.kill('SIGTERM');
  expect(await ended).toBe(0);

  const orm = await openDatabase(join(folder, 'gemini-pool.db'), entities, 'read');
  onTestFinished(() => orm.close());
  expect(await verify(orm)).toMatchObject({ isSound: true });
  const count = async (where: string) => {
    const [row] = await orm.em.getConnection().execute(`select count(*) as n from usage_event where ${where}`);
    return Number(row?.n);
  };
  expect(await count(`type = 'RequestAccepted'`)).toBeGreaterThanOrEqual(gemini.generations().length);
  expect(await count(`type = 'RequestCompleted'`)).toBeGreaterThanOrEqual(acknowledged);
  const terminal = `type in ('RequestCompleted', 'RequestFailed', 'RequestAborted')`;
  expect(await count(terminal)).toBe(await count(`type = 'RequestAccepted'`));
});

test('SIGTERM lets a running stream end, then exits 0', async () => {
  const gemini = await startSimulatedGemini();
  const gate = Promise.withResolvers<void>();
  gemini.answerWith(() => ({ frames: [frame('Hel'), gate.promise, frame('lo')] }));
  const settings = { DATA_DIR: temporaryFolder(), GEMINI_BASE_URL: gemini.url, GEMINI_API_KEYS: 'AIzaOnly-0123456789' };
  const { child, ended, url } = await startProcess(settings);
  const response = await chat(url, await createKey(url), true);
  child.kill('SIGTERM');
  gate.resolve();
  expect(await response.text()).toContain('"content":"lo"');
  expect(await ended).toBe(0);
});

test('a setting that is not accepted stops the start with its name', async () => {
  const { ended, output } = await startProcess({ DATA_DIR: temporaryFolder(), LISTEN_ADDR: 'nowhere' });
  expect(await ended).toBe(1);
  expect(output()).toMatch(/^LISTEN_ADDR is not accepted\. It takes host:port/);
});

test('a second process with another encryption key is refused', async () => {
  const folder = temporaryFolder();
  const first = await startProcess({ DATA_DIR: folder, ENCRYPTION_KEY: '11'.repeat(32) });
  first.child.kill('SIGTERM');
  await first.ended;
  const second = await startProcess({ DATA_DIR: folder, ENCRYPTION_KEY: '22'.repeat(32) });
  expect(await second.ended).toBe(1);
  expect(second.output()).toContain('ENCRYPTION_KEY is not the key');
});
