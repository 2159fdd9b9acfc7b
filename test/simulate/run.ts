import { parseArgs } from 'node:util';
import { measureChoice } from './pool/measure-choice.ts';
import { judge, percent, type Row, simulatePool } from './pool/simulate-pool.ts';

const columns: [title: string, cell: (row: Row) => string][] = [
  ['load', ({ load }) => `${load * 100} %`],
  ['offered', ({ offered }) => String(offered)],
  ['possible', ({ possible }) => String(possible)],
  ['served ÷ possible', ({ served, possible }) => percent(served / possible)],
  ['429 per 1,000', ({ refused, offered }) => ((1000 * refused) / offered).toFixed(1)],
  ['failed, key free', ({ failedWhileFree }) => String(failedWhileFree)],
  ['failed, overload', ({ failedByOverload }) => String(failedByOverload)],
  ['most 429 of a key', ({ refusedOfOneKey }) => String(refusedOfOneKey)],
  ['cached tokens', ({ cachedShare }) => percent(cachedShare)],
];
const nameWidth = 28;
const cellWidth = 18;

/** `npm run simulate -- pool [--seed 7]` and `npm run simulate -- choice`. The last line is the result, the exit status the verdict. */
const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: { seed: { type: 'string', default: '1' } },
});
const [what] = positionals;
if (what === 'pool') process.exitCode = await pool(Number(values.seed));
else if (what === 'choice') process.exitCode = await choice();
else {
  console.log('Say what to simulate: npm run simulate -- pool, or npm run simulate -- choice');
  process.exitCode = 2;
}

async function pool(seed: number): Promise<number> {
  const title = ['scheduler'.padEnd(nameWidth), ...columns.map(([name]) => name.padStart(cellWidth))];
  console.log(`A day of Google's quotas, after one for learning; seed ${seed}\n\n${title.join('')}`);
  const rows = await simulatePool({ seed, onRow: (row) => console.log(line(row)) });
  const goals = judge(rows);
  console.log('');
  for (const { name, isReached } of goals) console.log(`${isReached ? 'reached' : 'MISSED '}  ${name}`);
  const missed = goals.filter(({ isReached }) => !isReached);
  if (missed.length === 0) console.log(`simulate pool ok: ${goals.map(({ name }) => name).join('; ')}`);
  else console.log(`simulate pool FAILED: ${missed.map(({ name }) => name).join('; ')}`);
  return missed.length === 0 ? 0 : 1;
}

function line(row: Row): string {
  return row.scheduler.padEnd(nameWidth) + columns.map(([, cell]) => cell(row).padStart(cellWidth)).join('');
}

async function choice(): Promise<number> {
  const { keyCount, restingCount, microseconds, bytesPerKey, microsecondsMax, bytesMax } = await measureChoice();
  const figures = `a choice among ${keyCount} keys of which ${restingCount} rest takes ${microseconds.toFixed(1)} us (below ${microsecondsMax}), a key takes ${Math.round(bytesPerKey)} bytes (below ${bytesMax})`;
  const isReached = microseconds < microsecondsMax && bytesPerKey < bytesMax;
  console.log(`simulate choice ${isReached ? 'ok' : 'FAILED'}: ${figures}`);
  return isReached ? 0 : 1;
}
