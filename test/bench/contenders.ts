import { fileURLToPath } from 'node:url';
import { freePort } from '../support/free-port.ts';
import { startGatewayProcess } from '../support/gateway-process.ts';
import { chatRequest, eventsPerStream, streamedResponses, wholeResponse } from './fixtures.ts';
import { type LoadTarget, residentMegabytes } from './load.ts';
import { installPortkey, portkeyArguments, portkeyHeaders } from './portkey.ts';
import { pinTo, startProcess, startScript } from './processes.ts';

export type LoadName = 'unary' | 'burst';

/** A gateway that is measured. */
export interface Contender {
  name: string;
  /** What the load sends it, and to whom. */
  targets: Record<LoadName, LoadTarget>;
  /** Complete answers so far. */
  answered: Record<LoadName, number>;
  residentMegabytes(): number;
  /** What its books say after the run, or null when all is well; for the product only. */
  audit?(answered: Record<LoadName, number>): Promise<string | null>;
  stop(): Promise<void>;
}

/** The floor, under its own name or another: measured twice, it tells how far two equal programs differ on this machine. */
export async function startFloor(name: string, mockPort: number): Promise<Contender> {
  const { port, pid, stop } = await startScript('floor.ts', 'measured', [mockPort]);
  return contender(name, port, pid, { authorization: 'Bearer nobody-checks' }, stop);
}

/**
 * The gateway itself, as it is started in earnest: fresh data, a real client key, every request in the ledger.
 * @param script Another program of this folder that starts it, in a way of its own.
 */
export async function startProduct(mockPort: number, script?: string): Promise<Contender> {
  const keys = Array.from({ length: 8 }, (_, index) => `AQ.bench-key-${index}-of-eight-in-the-pool`);
  const env = { GEMINI_BASE_URL: `http://127.0.0.1:${mockPort}`, GEMINI_API_KEYS: keys.join(',') };
  const main = script && fileURLToPath(new URL(script, import.meta.url));
  const gateway = await startGatewayProcess({ env, launcher: pinTo('measured'), ...(main && { main }) });
  const secret = await gateway.createClientKey('bench');
  const started = await contender(
    'gemini-pool',
    gateway.port,
    gateway.pid,
    { authorization: `Bearer ${secret}` },
    async () => {
      await gateway.stop();
      gateway.removeData();
    },
  );
  const audit = async (answered: Record<LoadName, number>) => {
    const query = `{ usage(range: { preset: ALL_TIME }) { total { requests succeeded tokens { input output } } } }`;
    const { usage } = await gateway.graphql<{ usage: { total: unknown } }>(query);
    const actual = JSON.stringify(usage.total);
    const expected = JSON.stringify(expectedUsage(answered));
    return actual === expected ? null : `the ledger holds ${actual} where the clients got ${expected}`;
  };
  return { ...started, audit };
}

/** Portkey's gateway, from the registry into a temporary folder; it keeps no ledger and checks no client. */
export async function startPortkey(mockPort: number): Promise<Contender> {
  const folder = installPortkey();
  const port = await freePort();
  const words = [...pinTo('measured'), process.execPath, ...portkeyArguments(port)];
  const { pid, stop } = await startProcess(words, port, folder);
  return contender('portkey', port, pid, portkeyHeaders(mockPort), stop);
}

async function contender(
  name: string,
  port: number,
  pid: number,
  headers: Record<string, string>,
  stop: () => Promise<void>,
): Promise<Contender> {
  const targets = {
    unary: await target(name, port, pid, headers, 'unary'),
    burst: await target(name, port, pid, headers, 'burst'),
  };
  return { name, targets, answered: { unary: 1, burst: 1 }, residentMegabytes: () => residentMegabytes(pid), stop };
}

/** Looks closely at one answer, so that under load it is enough to see that answers are as long as this one. */
async function target(
  name: string,
  port: number,
  pid: number,
  headers: Record<string, string>,
  load: LoadName,
): Promise<LoadTarget> {
  const body = chatRequest(load === 'burst');
  const path = '/v1/chat/completions';
  const all = { host: `127.0.0.1:${port}`, 'content-type': 'application/json', ...headers };
  const response = await fetch(`http://127.0.0.1:${port}${path}`, {
    method: 'POST',
    headers: all,
    body,
    signal: AbortSignal.timeout(answerMsMax),
  });
  const answer = await response.text();
  if (load === 'unary') expectSame(name, JSON.parse(answer).choices?.[0]?.message?.content, textOf([wholeResponse()]));
  else expectSame(name, textOfStream(answer), textOf(streamedResponses()));
  const lines = Object.entries({ ...all, 'content-length': Buffer.byteLength(body) }).map((header) =>
    header.join(': '),
  );
  return {
    port,
    pid,
    request: Buffer.from([`POST ${path} HTTP/1.1`, ...lines, '', body].join('\r\n')),
    answerBytesMin: Math.floor(Buffer.byteLength(answer) * shortestShare),
  };
}

/** Answers differ a little in length by their ids and chunk sizes. */
const shortestShare = 0.95;
const answerMsMax = 10_000;

function expectSame(name: string, actual: string, expected: string): void {
  if (actual !== expected) throw new Error(`${name} does not translate the answer: ${JSON.stringify(actual)}`);
}

function textOf(responses: ReturnType<typeof streamedResponses>): string {
  return responses.map((response) => response.candidates?.[0]?.content?.parts?.[0]?.text ?? '').join('');
}

function textOfStream(answer: string): string {
  const events = answer.split('\n').filter((line) => line.startsWith('data: {'));
  if (events.length < eventsPerStream) throw new Error(`${events.length} of ${eventsPerStream} events:\n${answer}`);
  return events.map((line) => JSON.parse(line.slice('data: '.length)).choices?.[0]?.delta?.content ?? '').join('');
}

function expectedUsage({ unary, burst }: Record<LoadName, number>) {
  const whole = wholeResponse().usageMetadata;
  const streamed = streamedResponses().at(-1)?.usageMetadata;
  const sum = (field: 'promptTokenCount' | 'candidatesTokenCount') =>
    unary * (whole?.[field] ?? 0) + burst * (streamed?.[field] ?? 0);
  const tokens = { input: sum('promptTokenCount'), output: sum('candidatesTokenCount') };
  return { requests: unary + burst, succeeded: unary + burst, tokens };
}
