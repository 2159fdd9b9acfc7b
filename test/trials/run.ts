import { parseArgs } from 'node:util';
import { guardsPass, plant, plantedNames } from '../planted/planted.ts';
import { equal } from './equal.ts';
import { race } from './race.ts';

const usage = `usage: npm run trial -- <trial> [options]

  race   [--rounds 20]
         500 requests at once against a budget for 50, round after round: exactly 50 are admitted.
  planted
         Each mistake under test/planted is made in a copy of the program, and the tests that guard against it have to fail.
  equal  [--histories 20] [--events 1000000] [--seed 1]
         Live figures equal rebuilt ones to the byte, before and after archiving; 1,000 flipped bits are found; a history of a
         million events is rebuilt in under 15 s and its chain verified in under 10 s.

The last line is the result; the exit status is the verdict.`;

const rebuildMsMax = 15_000;
const verifyMsMax = 10_000;
const flips = 1000;

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    rounds: { type: 'string', default: '20' },
    histories: { type: 'string', default: '20' },
    events: { type: 'string', default: '1000000' },
    seed: { type: 'string', default: '1' },
  },
});

const ends: (() => void | Promise<void>)[] = [];
const atEnd = (end: () => void | Promise<void>) => void ends.push(end);

/** Each returns its last line, which begins with `ok` when all was well. */
const trials: Readonly<Record<string, () => Promise<string>>> = {
  async race() {
    const rounds = Number(values.rounds);
    const { problem } = await race({ rounds, atEnd }, ({ scope, admitted, refused }) =>
      console.log(`${scope}: ${admitted} admitted, ${refused} refused`),
    );
    return problem ? `FAILED: ${problem}` : `ok: exactly 50 of 500 were admitted, ${rounds} times`;
  },
  async planted() {
    if (!guardsPass()) return 'FAILED: the tests fail without any mistake';
    console.log('passed  without any mistake');
    const results = plantedNames().map((name) => {
      const result = plant(name);
      console.log(`${result.isCaught ? 'caught' : 'MISSED'}  ${name}${result.problem ? `: ${result.problem}` : ''}`);
      return result;
    });
    const missed = results.filter(({ isCaught }) => !isCaught).map(({ name }) => name);
    return missed.length > 0
      ? `FAILED: not caught: ${missed.join(', ')}`
      : `ok: ${results.length} of ${results.length} caught`;
  },
  async equal() {
    const [histories, longEvents, seed] = [values.histories, values.events, values.seed].map(Number);
    const options = {
      histories: histories ?? 0,
      events: 2000,
      flips,
      longEvents: longEvents ?? 0,
      seed: seed ?? 1,
      atEnd,
    };
    const { problem, timings } = await equal(options, console.log);
    if (problem || !timings) return problem ? `FAILED: ${problem}` : `ok: ${histories} histories, ${flips} flips`;
    const times = [timings.rebuildMs, timings.chainMs, timings.verifyMs];
    const [rebuildS, chainS, verifyS] = times.map((ms) => (ms / 1000).toFixed(1));
    const isInTime = timings.rebuildMs < rebuildMsMax && timings.chainMs < verifyMsMax;
    return `${isInTime ? 'ok' : 'FAILED'}: ${histories} histories equal, ${flips} flips found, ${timings.events} events rebuilt in ${rebuildS} s (below 15), the chain verified in ${chainS} s (below 10), all figures as well in ${verifyS} s`;
  },
};

const trial = trials[positionals[0] ?? ''];
if (trial) {
  const result = await trial();
  for (const end of ends.reverse()) await end();
  console.log(result);
  process.exitCode = result.startsWith('ok') ? 0 : 1;
} else {
  console.error(usage);
  process.exitCode = 2;
}
