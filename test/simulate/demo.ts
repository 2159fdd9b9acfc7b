import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import OpenAI from 'openai';
import { readConfig } from '../../server/config.ts';
import { freePort } from '../support/free-port.ts';
import { startGatewayProcess } from '../support/gateway-process.ts';
import { exhausted, invalidKey, overloaded } from '../support/gemini-failures.ts';
import { startSimulatedGemini } from '../support/gemini-simulator.ts';
import { minuteQuota } from './minute-quota.ts';
import { pickAnswer, pickChat } from './small-talk.ts';

/** The whole program with a simulated Gemini and some traffic, to be looked at without a key of one's own: `npm run demo`. */
const keys = {
  steady: 'AQ.demo-steady-key-that-always-answers-1111',
  second: 'AQ.demo-second-key-that-always-answers-2222',
  small: 'AQ.demo-small-key-with-two-a-minute-3333',
  spent: 'AQ.demo-spent-key-nothing-left-today-4444',
  dead: 'AQ.demo-dead-key-that-google-refuses-5555',
};
const owner = { ADMIN_USERNAME: 'demo', ADMIN_PASSWORD: 'demo-password' };
const apps = ['chat-app', 'nightly-report', 'code-helper'];
const smallKeyPerMinute = 2;
const overloadedShare = 0.04;
const pauseMsMin = 300;
const pauseMsMax = 2500;

const isOver = new AbortController();
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.on(signal, () => isOver.abort());

const gemini = await startSimulatedGemini();
scriptPersonalities();

// The folder of the demo is its own and goes with it: the real data is never touched.
const dataDir = mkdtempSync(join(tmpdir(), 'gemini-pool-demo-'));
process.on('exit', () => rmSync(dataDir, { recursive: true, force: true }));
const { host, port } = await listenAddress();
const gateway = await startGatewayProcess({
  dataDir,
  host,
  port,
  env: { ...owner, GEMINI_BASE_URL: gemini.url, GEMINI_API_KEYS: Object.values(keys).join(',') },
});
console.log(
  [
    '',
    `  The demo runs with a simulated Gemini. Open  ${gateway.url}`,
    `  and sign in as  ${owner.ADMIN_USERNAME}  with the password  ${owner.ADMIN_PASSWORD}`,
    '  Ctrl-C ends it and removes all its data.',
    '',
  ].join('\n'),
);

const clients = await Promise.all(apps.map(async (name) => createClient(await gateway.createClientKey(name))));
await Promise.all(clients.map(chatUntilOver));
await gateway.stop();
await gemini.close();

/** Keys as one meets them: some work, one is small, one is used up for the day, one is dead. */
function scriptPersonalities(): void {
  const takeFromQuota = minuteQuota(smallKeyPerMinute, Date.now);
  gemini.script({ key: keys.dead, calls: 'all', answer: invalidKey() });
  gemini.script({ key: keys.spent, answer: ({ model }) => exhausted({ per: 'day', model }) });
  gemini.script({
    key: keys.small,
    answer: ({ model }) => {
      const waitMs = takeFromQuota(model);
      return waitMs === 0 ? null : exhausted({ model, retryAfterSeconds: Math.ceil(waitMs / 1000) });
    },
  });
  gemini.script({ answer: () => (Math.random() < overloadedShare ? overloaded() : pickAnswer(Math.random)) });
}

/** LISTEN_ADDR if it is set, else a free port. Nothing else of the settings holds for the demo. */
async function listenAddress(): Promise<{ host: string; port: number }> {
  const { LISTEN_ADDR } = process.env;
  if (LISTEN_ADDR) return readConfig({ LISTEN_ADDR }, dataDir).listen;
  return { host: '127.0.0.1', port: await freePort() };
}

function createClient(apiKey: string): OpenAI {
  return new OpenAI({ baseURL: `${gateway.url}/v1`, apiKey, maxRetries: 0 });
}

/** One application: it asks, reads, waits, and now and then hangs up in the middle. */
async function chatUntilOver(client: OpenAI): Promise<void> {
  while (!isOver.signal.aborted) {
    try {
      await chat(client);
    } catch (error) {
      // A refusal is part of the show; it is seen in the dashboard.
      if (!(error instanceof OpenAI.OpenAIError)) throw error;
    }
    const pauseMs = pauseMsMin + Math.random() * (pauseMsMax - pauseMsMin);
    await delay(pauseMs, null, { signal: isOver.signal }).catch(() => {});
  }
}

async function chat(client: OpenAI): Promise<void> {
  const { isStreaming, hangsUp, ...request } = pickChat(Math.random);
  const { signal } = isOver;
  if (!isStreaming) {
    await client.chat.completions.create(request, { signal });
    return;
  }
  const stream = await client.chat.completions.create({ ...request, stream: true }, { signal });
  for await (const chunk of stream) {
    if (hangsUp && chunk.choices[0]?.delta.content) return stream.controller.abort();
  }
}
