import type { ChildProcess } from 'node:child_process';
import type { KillMoment, OutsidePoint } from './kill-plan.ts';
import type { LoadWatch } from './load.ts';

/** Kills one process at its moment. */
export interface Killer {
  moment: KillMoment;
  spawned(child: ChildProcess): void;
  /** The load begins. */
  loaded(): void;
  pass(point: OutsidePoint): void;
  /** Passes the points that clients come to. */
  watch: LoadWatch;
  /** Whether the process ended as it was to: killed, or drained before that. */
  hasKilled(): boolean;
  /** The moment did not come, and the process was killed all the same. */
  isLate(): boolean;
  disarm(): void;
}

/** A moment that has not come by then never comes. */
const killMsMax = 20_000;
/** SIGTERM comes so long after the load began. */
const drainAfterMs = 250;

export function createKiller(moment: KillMoment): Killer {
  const timers: NodeJS.Timeout[] = [];
  let child: ChildProcess | null = null;
  let left = moment.kind === 'outside' ? moment.passes : 0;
  let isLate = false;
  const after = (ms: number, act: () => void) => void timers.push(setTimeout(act, ms));
  const kill = () => child?.kill('SIGKILL');
  const pass = (point: OutsidePoint) => {
    if (moment.kind === 'outside' && moment.point === point && --left === 0) kill();
  };
  return {
    moment,
    spawned(spawned) {
      child = spawned;
      if (moment.kind === 'starting') after(moment.afterMs, kill);
    },
    loaded() {
      if (moment.kind === 'under load') after(moment.afterMs, kill);
      if (moment.kind === 'draining') {
        after(drainAfterMs, () => child?.kill('SIGTERM'));
        after(drainAfterMs + moment.afterMs, kill);
      }
      after(killMsMax, () => {
        isLate = true;
        kill();
      });
    },
    pass,
    watch: {
      onFirstByte: () => pass('client has first byte'),
      onLastByte: () => pass('client has last byte'),
    },
    hasKilled: () => child?.signalCode === 'SIGKILL' || (moment.kind === 'draining' && child?.exitCode === 0),
    isLate: () => isLate,
    disarm: () => timers.forEach(clearTimeout),
  };
}
