import { parseArgs } from 'node:util';
import { type Contender, type LoadName, startFloor, startPortkey, startProduct } from './contenders.ts';
import { eventsPerStream } from './fixtures.ts';
import { measureLedgerCost } from './ledger-cost.ts';
import { type LoadWindow, type Measurement, measure } from './load.ts';
import { busyShare, canPin, pinThisProcess, startScript } from './processes.ts';
import { mean, meanOfLowest } from './statistics.ts';
import { measureStatistics } from './statistics-queries.ts';

/**
 * What the gateway costs, in CPU time per answer, as a multiple of the least that such a gateway can cost on Node (`floor.ts`), measured
 * side by side in one run. CPU time per answer, unlike answers per second or latency, holds on a small and busy machine.
 */
const loads: Load[] = [
  { name: 'unary', title: 'whole answers', gate: 2.0, noiseMax: 0.05 },
  { name: 'burst', title: `streams of ${eventsPerStream} events`, gate: 1.3, noiseMax: 0.08 },
];
const connections = 32;
const full: Plan = { rounds: 10, warmMs: 150, windowMs: 700, warmUpMs: 1500 };
const smoke: Plan = { rounds: 6, warmMs: 100, windowMs: 400, warmUpMs: 1000 };
const busyShareMax = 0.25;
const busySampleMs = 1500;

const exitOk = 0;
const exitFailed = 1;
const exitNotMeasured = 3;

interface Load {
  name: LoadName;
  title: string;
  /** The product may cost at most so many times the floor. */
  gate: number;
  /** By how much two equal programs may differ for the run to mean anything. */
  noiseMax: number;
}
interface Plan {
  rounds: number;
  /** Left out at the start of each window. */
  warmMs: number;
  windowMs: number;
  /** Of each load, before the first round. */
  warmUpMs: number;
}
interface Results {
  windows: Map<Contender, Record<LoadName, Measurement[]>>;
  errors: number;
}

async function main(): Promise<number> {
  const { values } = parseArgs({
    options: {
      smoke: { type: 'boolean' },
      peers: { type: 'boolean' },
      force: { type: 'boolean' },
      ledger: { type: 'boolean' },
      stats: { type: 'boolean' },
    },
  });
  if (values.stats) return tell(await measureStatistics());
  if (process.platform !== 'linux') return notMeasured('CPU time per thread is read from /proc, which only Linux has');
  const busy = await busyShare(busySampleMs);
  if (busy > busyShareMax && !values.force) {
    return notMeasured(`the machine is busy (${percent(busy)} of its CPUs); try later, or --force`);
  }
  pinThisProcess();
  if (values.ledger) return tell(await measureLedgerCost());
  if (!canPin) console.log('Processes are not pinned to CPUs here (one CPU, or no taskset): expect more noise.');

  const mock = await startScript('mock.ts', 'load');
  const contenders: Contender[] = [];
  try {
    contenders.push(await startFloor('floor', mock.port), await startFloor('floor again', mock.port));
    contenders.push(await startProduct(mock.port));
    if (values.peers) contenders.push(await startPortkey(mock.port));
    const results = await measureAll(contenders, values.smoke ? smoke : full);
    const complaint = await audit(contenders);
    return report(contenders, results, complaint, values.force ?? false);
  } finally {
    await Promise.all(contenders.map((contender) => contender.stop()));
    await mock.stop();
  }
}

function tell(result: string): number {
  console.log(result);
  return / ok:/.test(result) ? exitOk : exitFailed;
}

/** Every contender in every round, in alternating order, so that slow changes of the machine hit all alike. */
async function measureAll(contenders: Contender[], plan: Plan): Promise<Results> {
  const results: Results = { windows: new Map(), errors: 0 };
  for (const contender of contenders) {
    results.windows.set(contender, { unary: [], burst: [] });
    for (const { name } of loads) await measureOnce(contender, name, { windowMs: plan.warmUpMs, warmMs: 0 }, results);
  }
  for (let round = 0; round < plan.rounds; round++) {
    const inOrder = round % 2 === 0 ? contenders : contenders.toReversed();
    for (const { name } of loads) {
      for (const contender of inOrder) {
        const measured = await measureOnce(contender, name, plan, results);
        results.windows.get(contender)?.[name].push(measured);
      }
    }
  }
  return results;
}

async function measureOnce(
  contender: Contender,
  load: LoadName,
  { warmMs, windowMs }: Omit<LoadWindow, 'connections'>,
  results: Results,
): Promise<Measurement> {
  const measured = await measure(contender.targets[load], { connections, warmMs, windowMs });
  contender.answered[load] += measured.answeredInAll;
  results.errors += measured.errors;
  return measured;
}

/** What is wrong with the product's books, or null. */
async function audit(contenders: Contender[]): Promise<string | null> {
  for (const { audit, answered } of contenders) {
    const complaint = await audit?.(answered);
    if (complaint) return complaint;
  }
  return null;
}

function report(contenders: Contender[], results: Results, complaint: string | null, isForced: boolean): number {
  const findings: string[] = [];
  const failures: string[] = [];
  let isNoisy = false;
  for (const load of loads) {
    const cost = (contender: Contender) =>
      meanOfLowest((results.windows.get(contender)?.[load.name] ?? []).map((window) => window.cpuMicroseconds));
    const [first = Number.NaN, again = Number.NaN, product = Number.NaN, ...peers] = contenders.map(cost);
    const floor = mean([first, again]);
    printTable(load, contenders, results, floor, cost);
    const ratio = product / floor;
    const difference = Math.abs(first - again) / floor;
    isNoisy ||= difference > load.noiseMax;
    if (!(ratio <= load.gate)) failures.push(`${load.name} x${ratio.toFixed(2)} is over ${load.gate}`);
    const versus = peers.map((peer) => `, ${(peer / product).toFixed(1)} times less than portkey`).join('');
    findings.push(
      `${load.name} ${product.toFixed(1)} us = x${ratio.toFixed(2)} of floor ${floor.toFixed(1)} (gate ${load.gate}, A/A ${percent(difference)})${versus}`,
    );
  }
  if (results.errors > 0) failures.push(`${results.errors} errors`);
  if (complaint) failures.push(complaint);
  if (isNoisy && failures.length === 0 && !isForced)
    return notMeasured(`equal programs differ too much: ${findings.join('; ')}`);
  const product = contenders.find((contender) => contender.audit);
  findings.push(`${(product?.answered.unary ?? 0) + (product?.answered.burst ?? 0)} answers = ledger rows, 0 errors`);
  if (failures.length === 0) console.log(`bench ok: ${findings.join('; ')}`);
  else console.log(`bench FAILED: ${failures.join('; ')} (${findings.slice(0, loads.length).join('; ')})`);
  return failures.length === 0 ? exitOk : exitFailed;
}

function printTable(
  load: Load,
  contenders: Contender[],
  results: Results,
  floor: number,
  cost: (contender: Contender) => number,
): void {
  console.log(`\n${load.title}, ${connections} at a time`);
  const rows = contenders.map((contender) => {
    const windows = results.windows.get(contender)?.[load.name] ?? [];
    const average = (field: keyof Measurement) => mean(windows.map((window) => window[field]));
    return {
      gateway: contender.name,
      'CPU us': round(cost(contender)),
      ...(load.name === 'burst' && { 'us/event': round(cost(contender) / eventsPerStream) }),
      'x floor': round(cost(contender) / floor),
      'per s': Math.round(average('perSecond')),
      'p50 ms': round(average('p50Ms')),
      'p99 ms': round(average('p99Ms')),
      'RSS MB': Math.round(contender.residentMegabytes()),
    };
  });
  console.table(Object.fromEntries(rows.map(({ gateway, ...row }) => [gateway, row])));
}

function notMeasured(why: string): number {
  console.log(`bench not measured: ${why}`);
  return exitNotMeasured;
}

const round = (value: number) => Math.round(value * 100) / 100;
const percent = (share: number) => `${(share * 100).toFixed(1)} %`;

// By way of `process.exit`, so that no process of the bench is left behind.
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => process.exit(exitNotMeasured));
process.exitCode = await main();
