import { type Contender, startProduct } from './contenders.ts';
import { measure } from './load.ts';
import { startScript } from './processes.ts';
import { mean, meanOfLowest } from './statistics.ts';

/** What the ledger may cost. */
const cpuMicrosecondsMax = 45;
const ratioMax = 1.6;
const medianMsMax = 2;
const pacedPerSecond = 200;

const rounds = 10;
const window = { connections: 32, warmMs: 150, windowMs: 700 };
const pacedWindow = { connections: 32, warmMs: 500, windowMs: 3000, perSecond: pacedPerSecond };

/**
 * Measures the gateway side by side with itself on a ledger that drops the events of requests: in CPU time per answer, and in the median of
 * the latency at a modest rate.
 * @returns the last line, which begins with `bench ledger ok` when all was reached
 */
export async function measureLedgerCost(): Promise<string> {
  const mock = await startScript('mock.ts', 'load');
  const contenders: Contender[] = [];
  try {
    contenders.push(await startProduct(mock.port), await startProduct(mock.port, 'without-ledger.ts'));
    const [product, without] = contenders as [Contender, Contender];
    for (const { targets } of contenders) await measure(targets.unary, { ...window, windowMs: 1500 });
    const cpu = new Map<Contender, number[]>(contenders.map((contender) => [contender, []]));
    const medians = new Map<Contender, number[]>(contenders.map((contender) => [contender, []]));
    for (let round = 0; round < rounds; round++) {
      for (const contender of round % 2 === 0 ? contenders : contenders.toReversed()) {
        const { cpuMicroseconds } = await measure(contender.targets.unary, window);
        cpu.get(contender)?.push(cpuMicroseconds);
        if (round < 4) medians.get(contender)?.push((await measure(contender.targets.unary, pacedWindow)).p50Ms);
      }
    }
    const costOf = (contender: Contender) => meanOfLowest(cpu.get(contender) ?? []);
    const medianOf = (contender: Contender) => mean(medians.get(contender) ?? []);
    return verdict({
      added: costOf(product) - costOf(without),
      ratio: costOf(product) / costOf(without),
      addedMs: medianOf(product) - medianOf(without),
    });
  } finally {
    await Promise.all(contenders.map((contender) => contender.stop()));
    await mock.stop();
  }
}

function verdict({ added, ratio, addedMs }: { added: number; ratio: number; addedMs: number }): string {
  const isReached = added <= cpuMicrosecondsMax && ratio <= ratioMax && addedMs <= medianMsMax;
  return `bench ledger ${isReached ? 'ok' : 'FAILED'}: the ledger adds ${added.toFixed(1)} us of CPU to an answer (gate ${cpuMicrosecondsMax}), x${ratio.toFixed(2)} of the whole without it (gate ${ratioMax}), ${addedMs.toFixed(2)} ms to the median at ${pacedPerSecond} a second (gate ${medianMsMax})`;
}
