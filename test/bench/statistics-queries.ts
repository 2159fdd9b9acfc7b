import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Connection, connectionOf, openDatabase } from '../../server/database.ts';
import { entities } from '../../server/entities.ts';
import { catchUpLedger } from '../../server/ledger/projector.ts';
import { readUsage, type UsageQuery } from '../../server/ledger/usage-report.ts';
import { writeHistory } from '../support/written-history.ts';
import { randomHistory } from '../trials/random-history.ts';
import { percentile } from './statistics.ts';

const dayMs = 86_400_000;
const startMs = Date.parse('2026-10-01T00:00:00Z');
const days = 30;
const sizes = [10_000, 1_000_000] as const;
const rounds = 40;
const msMax = 50;

const endMs = startMs + days * dayMs;
const zone = { timeZone: 'UTC', toMs: endMs };
/** What the dashboard asks, and what people ask beyond it. */
const questions: Readonly<Record<string, UsageQuery>> = {
  'all time': { ...zone, fromMs: null, groupBy: 'model', interval: 'DAY' },
  'last 24 hours': { ...zone, fromMs: endMs - dayMs, interval: 'HOUR' },
  'last 7 days in Shanghai': {
    ...zone,
    fromMs: endMs - 7 * dayMs,
    interval: 'DAY',
    timeZone: 'Asia/Shanghai',
    groupBy: 'clientKeyId',
  },
  'one client, 30 days': {
    ...zone,
    fromMs: startMs,
    filter: { clientKeyId: 'ck_1' },
    groupBy: 'upstreamKeyId',
    interval: 'DAY',
  },
};

/** Times usage queries over a small and a large ledger. @returns the last line, which begins with `bench stats ok` when all were fast */
export async function measureStatistics(): Promise<string> {
  const slowest: number[] = [];
  for (const events of sizes) {
    const folder = mkdtempSync(join(tmpdir(), 'gemini-pool-bench-'));
    try {
      const times = await timeQuestions(join(folder, 'pool.db'), events);
      console.table(times);
      slowest.push(Math.max(...Object.values(times).map(({ 'p95 ms': p95 }) => p95)));
    } finally {
      rmSync(folder, { recursive: true, force: true });
    }
  }
  const [small = 0, large = Number.NaN] = slowest;
  const figures = `the slowest of ${Object.keys(questions).length} usage queries takes ${large.toFixed(1)} ms over ${sizes[1]} events (p95, gate ${msMax}), ${small.toFixed(1)} ms over ${sizes[0]}`;
  return `bench stats ${large < msMax ? 'ok' : 'FAILED'}: ${figures}`;
}

async function timeQuestions(file: string, events: number) {
  await writeHistory(file, randomHistory({ seed: 1, events, startMs, spanMs: days * dayMs }));
  const writing = await openDatabase(file, entities, 'write');
  await catchUpLedger(writing);
  await writing.close();
  const orm = await openDatabase(file, entities, 'read');
  try {
    const connection = await connectionOf(orm);
    return Object.fromEntries(
      Object.entries(questions).map(([name, question]) => [name, { events, 'p95 ms': p95Of(connection, question) }]),
    );
  } finally {
    await orm.close();
  }
}

function p95Of(connection: Connection, question: UsageQuery): number {
  const times: number[] = [];
  for (let round = 0; round < rounds; round++) {
    const begun = performance.now();
    readUsage(connection, question);
    times.push(performance.now() - begun);
  }
  return Math.round(percentile(times, 0.95) * 100) / 100;
}
