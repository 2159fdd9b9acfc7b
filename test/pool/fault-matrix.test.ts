import { createRequire } from 'node:module';
import { type AddressInfo, connect, createServer, type LookupFunction } from 'node:net';
import { join } from 'node:path';
import { pipeline } from 'node:stream';
import { createServer as createTlsServer } from 'node:tls';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { AppOptions } from '../../server/app.ts';
import { type Orm, openDatabase } from '../../server/database.ts';
import { entities } from '../../server/entities.ts';
import type { UsageEventBody } from '../../server/ledger/events.ts';
import { UsageEvent } from '../../server/ledger/usage-event.entity.ts';
import { startTestGateway } from '../support/gateway.ts';
import type { AtEnd } from '../support/temporary-folder.ts';
import {
  type ConnectFault,
  dripClock,
  type Expected,
  type Fault,
  faults,
  type Mode,
  model,
} from '../support/upstream-faults.ts';

/**
 * Every way in which a call to Google goes wrong, streamed or not, with another key that works and with none: each cell is checked for
 * ten properties. The gateway's pauses take no time here, and the HTTP client's clock is moved: nothing is waited for but sockets.
 */
const undiciClock: { tick(ms: number): void } = createRequire(import.meta.url)('undici/lib/util/timers.js');
/** Longer than any silence and any attempt to connect that is put up with. */
const longSilenceMs = 700_000;
/** What four tries with pauses of half a second, doubling, may wait in all. */
const pausesMsMax = 4600;
const memoryMebibytesMax = 100;
const patience = { timeout: 15_000, interval: 5 };

const finishers: (() => void | Promise<void>)[] = [];
const atEnd: AtEnd = (finish) => finishers.unshift(finish);
afterAll(async () => {
  for (const finish of finishers) await finish();
});

/** What the next connections of the gateway meet. */
const network: { fault: ConnectFault | null; left: number; tries: number } = { fault: null, left: 0, tries: 0 };
const pauses: number[] = [];
let plain: Bench;
let overTls: Bench;
let memoryBefore: number;

type Gateway = Awaited<ReturnType<typeof startTestGateway>>;
interface Bench {
  gateway: Gateway;
  authorization: string;
  orm: Orm;
}

beforeAll(async () => {
  plain = await openBench((geminiUrl) => geminiUrl.replace('127.0.0.1', 'gemini.test'));
  overTls = await openBench(startTlsFront, tlsOfGateway);
  memoryBefore = usedMebibytes();
});

describe.each(faults.map((fault, index) => ({ ...fault, number: index + 1 })))('$number $name', (fault) => {
  describe.each(['unary', 'stream'] as const)('%s', (mode) => {
    test.each([true, false])('another key works: %s', (another) => runCell(fault, mode, another));
  });
});

test('and nothing of it all stays in memory', async () => {
  await expect.poll(usedMebibytes, patience).toBeLessThan(memoryBefore + memoryMebibytesMax);
});

async function runCell(fault: Fault & { number: number }, mode: Mode, another: boolean): Promise<void> {
  const bench = fault.connect === 'tls' ? overTls : plain;
  const keys = await importKeys(bench.gateway, fault.number, fault.keys ?? 2);
  try {
    await checkCell(bench, keys, fault, mode, another);
  } finally {
    await deleteKeys(bench.gateway, keys);
  }
}

type Keys = Map<string, string>;

async function checkCell(bench: Bench, keys: Keys, fault: Fault, mode: Mode, another: boolean): Promise<void> {
  const { gateway } = bench;
  const expected = fault.expected[mode];
  const keyCount = keys.size;
  const position = await headPosition(bench.orm);
  gateway.gemini.calls.length = 0;
  pauses.length = 0;
  const met = new Set<string>();
  const meets = (key: string) => {
    if (!another || met.size < keyCount - 1) met.add(key);
    return met.has(key);
  };
  const answers = fault.answers?.[mode] ?? [];
  let turn = 0;
  gateway.gemini.answerWith(({ key, aborted }) => {
    if (answers.length === 0 || !meets(key)) return null;
    if (fault.isSilent) beSilentUntil(aborted);
    return answers[turn++ % answers.length];
  });
  Object.assign(network, { fault: fault.connect ?? null, left: another ? 1 : Number.POSITIVE_INFINITY, tries: 0 });

  const answer = await ask(bench, mode, expected.kind === 'interrupted');
  network.fault = null;

  const failures = failuresOf(expected, another, keyCount);
  const isAnswered = expected.kind === 'served' || (expected.kind === 'retried' && another);
  // 1 The client gets the right status, or the right error at the end of its stream.
  expect(answer).toMatchObject(rightAnswer(expected, isAnswered, mode));
  if (expected.kind === 'retried' && !another)
    for (const [name, value] of Object.entries(expected.headers ?? {})) expect(answer.headers.get(name)).toMatch(value);
  // 2 Nothing is told twice: the words of all tries are those of one answer.
  expect(answer.words).toBe(expected.kind === 'retried' ? (another ? 'Hello' : '') : expected.text);
  // 3 No other key once the client has a part of the answer; 6 as many attempts as Google saw, by the same keys.
  const calls = gateway.gemini.generations();
  const tryCount = failures.length + (isAnswered ? 1 : 0);
  expect(fault.connect ? network.tries : calls.length).toBe(tryCount);
  // 4 It ends: the pauses in between are bounded, whatever Google does.
  expect(pauses.reduce((sum, pauseMs) => sum + pauseMs, 0)).toBeLessThanOrEqual(pausesMsMax);
  // 5 One acceptance and one terminal event, which is the last.
  const events = await eventsOf(bench.orm, position, answer.requestId);
  const terminal = events.at(-1) as UsageEventBody & { usage: object; usageSource: string; attempt: number };
  const attempts = events.slice(1, -1);
  expect(events.map(({ type }) => type)).toEqual([
    'RequestAccepted',
    ...failures.slice(0, tryCount - 1).map(() => 'AttemptFailed'),
    isAnswered ? 'RequestCompleted' : 'RequestFailed',
  ]);
  // 6 The ledger tells the attempts as they were.
  expect(attempts).toMatchObject(
    failures
      .slice(0, tryCount - 1)
      .map(({ class: failure, httpStatus }, index) => ({ attempt: index + 1, failure, httpStatus })),
  );
  expect(terminal.attempt).toBe(tryCount);
  const named = [...attempts, terminal].map((body) => keys.get((body as { upstreamKeyId: string }).upstreamKeyId));
  if (!fault.connect) expect(named).toEqual(calls.map(({ key }) => key));
  // 7 Usage is what Google told last, or flagged as something else.
  expect(terminal).toMatchObject(rightUsage(expected, isAnswered));
  // 8 Nothing stays open or reserved.
  const { ledger, liveStats, upstreamKeys } = await gateway.graphql(stateQuery);
  expect(ledger.openRequests).toBe(0);
  expect(liveStats.inFlight).toBe(0);
  expect(gateway.app.openCalls()).toBe(0);
  // 9 The keys that met the fault are in the state it means, the others as new.
  const free = { status: 'ACTIVE', cooldowns: [] };
  const isFault = (id: string) => met.has(keys.get(id) ?? '');
  for (const { id, status, cooldowns } of upstreamKeys.nodes)
    expect({ status, cooldowns }).toEqual(isFault(id) ? (fault.keyState ?? free) : free);
  // 10 The sockets are closed.
  await expect.poll(gateway.gemini.connections, patience).toBe(0);
}

const stateQuery = `{ ledger { openRequests } liveStats { inFlight }
  upstreamKeys { nodes { id status cooldowns { model reason } } } }`;

/** The failed attempts in order; with a key that works, those of the keys that do not. */
function failuresOf(expected: Expected, another: boolean, keyCount: number) {
  if (expected.kind === 'served') return [];
  if (expected.kind === 'interrupted') return [{ class: expected.code, httpStatus: expected.upstreamStatus }];
  return another ? expected.failures.slice(0, keyCount - 1) : expected.failures;
}

function rightAnswer(expected: Expected, isAnswered: boolean, mode: Mode) {
  if (isAnswered) return { status: 200, code: null, isDone: mode === 'stream' };
  if (expected.kind === 'interrupted') return { status: 200, code: expected.code, isDone: false };
  return expected.kind === 'retried' ? { status: expected.status, code: expected.code, isDone: false } : {};
}

function rightUsage(expected: Expected, isAnswered: boolean) {
  if (expected.kind !== 'retried') return { usage: expected.usage, usageSource: expected.usageSource };
  const [inputTokens, outputTokens] = isAnswered ? [7, 3] : [0, 0];
  const usage = { inputTokens, outputTokens, totalTokens: inputTokens + outputTokens };
  const isRefused = (expected.failures.at(-1)?.httpStatus ?? 0) >= 400;
  return { usage, usageSource: isAnswered || isRefused ? 'upstream' : 'unknown' };
}

/** One request, read to its end as a client of OpenAI's API reads it. */
async function ask({ gateway, authorization }: Bench, mode: Mode, hasContentFirst: boolean) {
  const messages = [{ role: 'user', content: 'Hello?' }];
  const body = JSON.stringify({ model, messages, ...(mode === 'stream' && { stream: true }) });
  // A stream begins with its first content: what is silent after that may not be given up before.
  let clock = hasContentFirst ? undefined : moveTime();
  const response = await fetch(`${gateway.url}/v1/chat/completions`, {
    method: 'POST',
    headers: { authorization },
    body,
  });
  clock ??= moveTime();
  const requestId = response.headers.get('x-request-id') ?? '';
  const told = { status: response.status, headers: response.headers, requestId };
  const read = await response.text();
  clearInterval(clock);
  if (!response.headers.get('content-type')?.startsWith('text/event-stream')) {
    const { error, choices } = JSON.parse(read);
    return { ...told, code: error?.code ?? null, words: choices?.[0].message.content ?? '', isDone: false };
  }
  const events = read.split('\n\n').filter((event) => event.startsWith('data: '));
  const values = events.filter((event) => event !== 'data: [DONE]').map((event) => JSON.parse(event.slice(6)));
  const words = values.map(({ choices }) => choices?.[0]?.delta.content ?? '').join('');
  return { ...told, code: values.at(-1)?.error?.code ?? null, words, isDone: read.endsWith('data: [DONE]\n\n') };
}

/** A call to Google has fallen silent. */
let isSilent = false;

function beSilentUntil(end: Promise<void>): void {
  isSilent = true;
  end.then(() => {
    isSilent = false;
  });
}

/** Lets the HTTP client's patience run out whenever a call has fallen silent. */
function moveTime() {
  return setInterval(() => isSilent && undiciClock.tick(longSilenceMs), 5);
}

/** @returns the keys in the clear by their ids. */
async function importKeys({ graphql }: Gateway, number: number, count: number): Promise<Map<string, string>> {
  const secrets = Array.from({ length: count }, (_, index) => `AIza-fault-${number}-of-the-matrix-key${index}`);
  await graphql(`mutation ($keys: [String!]!) { upstreamKeyImport(input: {keys: $keys}) { __typename } }`, {
    keys: secrets,
  });
  const nodes = async () => (await graphql('{ upstreamKeys { nodes { id maskedKey } } }')).upstreamKeys.nodes;
  await expect.poll(async () => (await nodes()).length, patience).toBe(count);
  const byEnd = (maskedKey: string) => secrets.find((secret) => secret.slice(-4) === maskedKey.slice(-4)) ?? '';
  return new Map((await nodes()).map((node: { id: string; maskedKey: string }) => [node.id, byEnd(node.maskedKey)]));
}

async function deleteKeys({ graphql }: Gateway, keys: Map<string, string>): Promise<void> {
  for (const id of keys.keys())
    await graphql(`mutation ($id: ID!) { upstreamKeyDelete(input: {id: $id}) { __typename } }`, { id });
}

async function headPosition(orm: Orm): Promise<number> {
  const [last] = await orm.em.fork().find(UsageEvent, {}, { orderBy: { position: 'desc' }, limit: 1 });
  return last?.position ?? 0;
}

async function eventsOf(orm: Orm, after: number, requestId: string): Promise<UsageEventBody[]> {
  const rows = await orm.em.fork().find(UsageEvent, { position: { $gt: after } }, { orderBy: { position: 'asc' } });
  return rows.map(({ body }) => JSON.parse(body)).filter((body) => body.requestId === requestId);
}

async function openBench(baseUrl: (geminiUrl: string) => string | Promise<string>, tls: object = {}): Promise<Bench> {
  const app: AppOptions = {
    delay: async (ms) => void pauses.push(ms),
    clock: () => dripClock.now,
    connect: { lookup, ...tls },
  };
  const gateway = await startTestGateway({ GEMINI_API_KEYS: '' }, { app, atEnd, baseUrl });
  gateway.gemini.closesConnections = true;
  const authorization = `Bearer ${await gateway.createClientKey()}`;
  const orm = await openDatabase(join(gateway.folder, 'gemini-pool.db'), entities, 'read');
  atEnd(() => orm.close());
  return { gateway, authorization, orm };
}

/** The way of each new connection: to the simulated Gemini, or into the fault. */
const lookup: LookupFunction = (_name, _options, found) => {
  network.tries++;
  const fault = takeFault();
  isSilent = fault === 'timeout';
  if (fault === 'dns') found(Object.assign(new Error('getaddrinfo ENOTFOUND'), { code: 'ENOTFOUND' }), []);
  // Of the loopback addresses only the first has a listener.
  else if (fault !== 'timeout') found(null, [{ address: fault === 'refused' ? '127.0.0.2' : '127.0.0.1', family: 4 }]);
  if (fault === 'tls') network.left++;
};

function takeFault(): ConnectFault | null {
  return network.left-- > 0 ? network.fault : null;
}

/** TLS with a shared secret: no certificate to be kept. */
const psk = { ciphers: 'PSK', maxVersion: 'TLSv1.2' as const };
const secret = { psk: Buffer.alloc(32, 1), identity: 'gateway' };
const tlsOfGateway = { ...psk, pskCallback: () => secret, checkServerIdentity: () => undefined };

/** Speaks TLS in front of the simulated Gemini, except where TLS is to fail. @returns its address */
async function startTlsFront(geminiUrl: string): Promise<string> {
  const upstreamPort = Number(new URL(geminiUrl).port);
  const tls = createTlsServer({ ...psk, pskCallback: () => secret.psk }, (socket) => {
    const upstream = connect(upstreamPort, '127.0.0.1');
    pipeline(socket, upstream, socket, () => {});
  });
  const front = createServer((socket) => {
    socket.on('error', () => {});
    if (takeFault() === 'tls') socket.once('data', () => socket.end('HTTP/1.1 400 Bad Request\r\n\r\n'));
    else tls.emit('connection', socket);
  });
  await new Promise<void>((resolve) => front.listen(0, '127.0.0.1', resolve));
  atEnd(() => void front.close());
  return `https://gemini.test:${(front.address() as AddressInfo).port}`;
}

/** After a collection of what nobody needs. */
function usedMebibytes(): number {
  setFlagsFromString('--expose-gc');
  runInNewContext('gc')();
  const { heapUsed, external } = process.memoryUsage();
  return (heapUsed + external) / 1024 / 1024;
}
