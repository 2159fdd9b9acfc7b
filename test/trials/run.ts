import { parseArgs } from 'node:util';
import { race } from './race.ts';

const usage = `usage: npm run trial -- race [--rounds 1000]

race  500 requests at once against a budget for 50, round after round
The last line is the result; the exit status is the verdict.`;

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: { rounds: { type: 'string', default: '20' } },
});

const trials: Record<string, () => Promise<string | null>> = {
  async race() {
    const ends: (() => void | Promise<void>)[] = [];
    const rounds = Number(values.rounds);
    const { problem } = await race({ rounds, atEnd: (end) => ends.push(end) }, (round) =>
      console.log(`${round.scope}: ${round.admitted} admitted, ${round.refused} refused`),
    );
    for (const end of ends.reverse()) await end();
    return report(problem, `exactly 50 of 500 were admitted, ${rounds} times`);
  },
};

function report(problem: string | null, success: string): string | null {
  console.log(problem ? `FAILED: ${problem}` : `ok: ${success}`);
  return problem;
}

const run = trials[positionals[0] ?? ''];
if (!run) {
  console.error(usage);
  process.exitCode = 2;
} else {
  process.exitCode = (await run()) === null ? 0 : 1;
}
