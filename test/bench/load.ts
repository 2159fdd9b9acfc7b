import { readdirSync, readFileSync } from 'node:fs';
import { connect, type Socket } from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';
import { percentile } from './statistics.ts';

export interface LoadTarget {
  port: number;
  pid: number;
  /** The whole request, head and body. */
  request: Buffer;
  /** What a complete answer weighs at least; shorter ones are errors. */
  answerBytesMin: number;
}

export interface LoadWindow {
  connections: number;
  warmMs: number;
  windowMs: number;
  /** Answers asked for in a second, at most; else as many as come. */
  perSecond?: number;
}

export interface Measurement {
  /** Answers in the window. */
  answered: number;
  /** Answers in all, with those before and after the window. */
  answeredInAll: number;
  errors: number;
  /** CPU of all threads of the target per answer, microseconds. */
  cpuMicroseconds: number;
  perSecond: number;
  p50Ms: number;
  p99Ms: number;
}

/** Closed loop over raw sockets: each connection sends its next request when the answer to the last one is complete. */
export async function measure(target: LoadTarget, load: LoadWindow): Promise<Measurement> {
  const { connections, warmMs, windowMs, perSecond } = load;
  const everyMs = perSecond === undefined ? 0 : (1000 * connections) / perSecond;
  const tally = {
    answered: 0,
    answeredInAll: 0,
    errors: 0,
    latencies: [] as number[],
    isMeasuring: false,
    isOver: false,
  };
  const ended = Array.from({ length: connections }, (_, index) =>
    runConnection(target, tally, { everyMs, firstMs: (everyMs * index) / connections }),
  );
  await delay(warmMs);
  const cpuBefore = cpuMicrosecondsOf(target.pid);
  const startedAt = performance.now();
  tally.isMeasuring = true;
  await delay(windowMs);
  tally.isMeasuring = false;
  const cpu = cpuMicrosecondsOf(target.pid) - cpuBefore;
  const elapsedMs = performance.now() - startedAt;
  tally.isOver = true;
  await Promise.all(ended);
  const { answered, answeredInAll, errors, latencies } = tally;
  return {
    answered,
    answeredInAll,
    errors,
    cpuMicroseconds: cpu / answered,
    perSecond: (answered / elapsedMs) * 1000,
    p50Ms: percentile(latencies, 0.5),
    p99Ms: percentile(latencies, 0.99),
  };
}

interface Tally {
  answered: number;
  answeredInAll: number;
  errors: number;
  latencies: number[];
  isMeasuring: boolean;
  isOver: boolean;
}

interface Pace {
  /** From one request to the next, at least. */
  everyMs: number;
  /** Until the first one. */
  firstMs: number;
}

/** Resolves when the last answer has come after the time was over. */
function runConnection(target: LoadTarget, tally: Tally, { everyMs, firstMs }: Pace): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>();
  const socket: Socket = connect({ port: target.port, host: '127.0.0.1', noDelay: true });
  const answer = new AnswerReader();
  let sentAt = 0;

  const send = () => {
    answer.start();
    sentAt = performance.now();
    socket.write(target.request);
  };
  const fail = () => {
    tally.errors++;
    socket.destroy();
    resolve();
  };
  socket.on('connect', () => (firstMs > 0 ? setTimeout(send, firstMs) : send()));
  socket.on('error', fail);
  socket.on('end', fail);
  socket.on('data', (bytes) => {
    if (!answer.push(bytes)) return;
    if (!answer.isOk || answer.length < target.answerBytesMin) return fail();
    tally.answeredInAll++;
    if (tally.isMeasuring) {
      tally.answered++;
      tally.latencies.push(performance.now() - sentAt);
    }
    const waitMs = sentAt + everyMs - performance.now();
    if (!tally.isOver) return waitMs > 0 ? setTimeout(send, waitMs) : send();
    socket.removeListener('end', fail).end();
    resolve();
  });
  return promise;
}

const chunkedEnd = '0\r\n\r\n';
const headEnd = '\r\n\r\n';

/** Follows one answer at a time to its last byte, looking at as little of it as possible. */
class AnswerReader {
  isOk = false;
  /** Bytes so far, head and all. */
  length = 0;
  #expected: number | null = null;
  #tail = '';

  start(): void {
    this.isOk = false;
    this.length = 0;
    this.#expected = null;
    this.#tail = '';
  }

  /** True when the answer is complete. */
  push(bytes: Buffer): boolean {
    if (this.length === 0) this.#readHead(bytes);
    this.length += bytes.length;
    if (this.#expected !== null) return this.length >= this.#expected;
    this.#tail = (this.#tail + bytes.toString('latin1', Math.max(0, bytes.length - chunkedEnd.length))).slice(
      -chunkedEnd.length,
    );
    return this.#tail === chunkedEnd;
  }

  /** The servers measured here send their heads in one piece. */
  #readHead(bytes: Buffer): void {
    const end = bytes.indexOf(headEnd);
    const head = bytes.toString('latin1', 0, end);
    const length = /content-length: *(\d+)/i.exec(head)?.[1];
    this.isOk = head.startsWith('HTTP/1.1 200 ');
    this.#expected = length === undefined ? null : end + headEnd.length + Number(length);
  }
}

/** CPU time of all threads of a process so far, those of the garbage collector included. */
function cpuMicrosecondsOf(pid: number): number {
  const folder = `/proc/${pid}/task`;
  let nanoseconds = 0;
  for (const thread of readdirSync(folder)) {
    try {
      nanoseconds += Number(readFileSync(`${folder}/${thread}/schedstat`, 'latin1').split(' ')[0]);
    } catch {
      // The thread has just ended.
    }
  }
  return nanoseconds / 1000;
}

/** Resident memory of a process, megabytes. */
export function residentMegabytes(pid: number): number {
  const kilobytes = /VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, 'latin1'))?.[1];
  return Number(kilobytes) / 1024;
}
