import { parseArgs } from 'node:util';
import { guardsPass, plant, plantedNames } from '../planted/planted.ts';
import { drainTrial } from './drain.ts';
import { equal } from './equal.ts';
import { killTrial } from './kill.ts';
import { orderTrial } from './order.ts';
import { race } from './race.ts';
import { resultLine, type TrialOptions, type TrialResult } from './support/trial.ts';

const usage = `usage: npm run trial -- <trial> [options] [--seed 1] [--untimed]

  kill     [--cycles 60]
           SIGKILL under load, at random instants and at named points, and a start on what is left: nothing that was acknowledged is
           lost, nothing is counted twice, nothing stays open.
  order    [--requests 500]
           Under strace: no byte goes to Gemini, and no last byte to a client, before the event that covers it is on the disk.
  drain    [--cycles 12]
           SIGTERM under load with streams open: nothing is lost, and the server ends in time.
  race     [--rounds 20]
           500 requests at once against a budget for 50, round after round: exactly 50 are admitted.
  equal    [--histories 20] [--events 1000000]
           Live figures equal rebuilt ones to the byte, before and after archiving; 1,000 flipped bits are found; a history of a
           million events is rebuilt in under 15 s and its chain verified in under 10 s.
  planted  Each mistake under test/planted is made in a copy of the program, and the tests that guard against it have to fail.

With --untimed no time decides: for machines that others share. The last line is the result; the exit status is the verdict.`;

const rebuildMsMax = 15_000;
const chainMsMax = 10_000;
const flips = 1000;

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    cycles: { type: 'string' },
    requests: { type: 'string', default: '500' },
    rounds: { type: 'string', default: '20' },
    histories: { type: 'string', default: '20' },
    events: { type: 'string', default: '1000000' },
    seed: { type: 'string', default: '1' },
    bug: { type: 'string' },
    untimed: { type: 'boolean', default: false },
  },
});

const seed = Number(values.seed);
const options: TrialOptions = { seed, bug: values.bug, isTimed: !values.untimed, tell: console.log };
const ends: (() => void | Promise<void>)[] = [];
const atEnd = (end: () => void | Promise<void>) => void ends.push(end);

const trials: Readonly<Record<string, () => Promise<TrialResult>>> = {
  kill: () => killTrial({ ...options, cycles: Number(values.cycles ?? 60) }),
  order: () => orderTrial({ ...options, requests: Number(values.requests) }),
  drain: () => drainTrial({ ...options, cycles: Number(values.cycles ?? 12) }),
  async race() {
    const rounds = Number(values.rounds);
    const { problem } = await race({ rounds, atEnd }, ({ scope, admitted, refused }) =>
      console.log(`${scope}: ${admitted} admitted, ${refused} refused`),
    );
    const problems = problem ? [problem] : [];
    return { problems, figures: [`${rounds} rounds`], conclusion: 'exactly 50 of 500 were admitted every time' };
  },
  async equal() {
    const [histories, longEvents] = [Number(values.histories), Number(values.events)];
    const { problem, timings } = await equal({ histories, events: 2000, flips, longEvents, seed, atEnd }, console.log);
    const problems = problem ? [problem] : [];
    const figures = [`${histories} histories`, `${flips} flipped bits found`];
    if (timings) {
      const { events, rebuildMs, chainMs, verifyMs } = timings;
      if (rebuildMs >= rebuildMsMax) problems.push(`rebuilt in ${inSeconds(rebuildMs)}, not below 15 s`);
      if (chainMs >= chainMsMax) problems.push(`the chain verified in ${inSeconds(chainMs)}, not below 10 s`);
      const all = [rebuildMs, chainMs, verifyMs].map(inSeconds);
      figures.push(
        `${events} events rebuilt in ${all[0]}, their chain verified in ${all[1]}, all figures as well in ${all[2]}`,
      );
    }
    return { problems, figures, conclusion: 'live and rebuilt are equal' };
  },
  async planted() {
    const problems = guardsPass() ? [] : ['the tests fail without any mistake'];
    const names = plantedNames();
    for (const name of names) {
      const { isCaught, problem } = plant(name);
      console.log(`${isCaught ? 'caught' : 'MISSED'}  ${name}`);
      if (!isCaught) problems.push(problem ?? `${name} is not caught`);
    }
    return { problems, figures: [`${names.length} mistakes`], conclusion: 'every planted mistake is caught' };
  },
};

function inSeconds(ms: number): string {
  return `${(ms / 1000).toFixed(1)} s`;
}

const [name = ''] = positionals;
const trial = trials[name];
if (trial) {
  const result = await trial();
  for (const end of ends.reverse()) await end();
  console.log(resultLine(name, result));
  process.exitCode = result.problems.length === 0 ? 0 : 1;
} else {
  console.error(usage);
  process.exitCode = 2;
}
