import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { connect } from 'node:net';
import { availableParallelism } from 'node:os';
import { setTimeout as delay } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { freePort } from '../support/free-port.ts';
import { killAtExit } from '../support/kill-at-exit.ts';

export interface BenchProcess {
  port: number;
  pid: number;
  stop(): Promise<void>;
}

const startMsMax = 30_000;
const pollMs = 20;
/** What is measured runs alone on the first CPU; the mock and the load share the second. */
const measuredCpu = '0';
const loadCpu = '1';

/** Whether processes can be kept to their CPUs here. */
export const canPin = availableParallelism() >= 2 && spawnSync('taskset', ['-V']).status === 0;

/** Words to put before a command so that it runs on the CPU of what is measured, or on the other. */
export function pinTo(which: 'measured' | 'load'): string[] {
  return canPin ? ['taskset', '-c', which === 'measured' ? measuredCpu : loadCpu] : [];
}

/** Moves this process, which makes the load, off the measured CPU. */
export function pinThisProcess(): void {
  if (canPin) spawnSync('taskset', ['-acp', loadCpu, String(process.pid)]);
}

/** Starts one of the programs in this folder on a port of its own. */
export async function startScript(name: string, cpu: 'measured' | 'load', args: number[] = []): Promise<BenchProcess> {
  const port = await freePort();
  const script = fileURLToPath(new URL(name, import.meta.url));
  return startProcess([...pinTo(cpu), process.execPath, script, String(port), ...args.map(String)], port);
}

/** Starts a command that will listen on a port, and waits until it does. */
export async function startProcess(words: string[], port: number, cwd?: string): Promise<BenchProcess> {
  const [command = '', ...args] = words;
  const child = spawn(command, args, { cwd, stdio: ['ignore', 'ignore', 'inherit'] });
  killAtExit(child);
  await untilListening(port, child, words.join(' '));
  return {
    port,
    pid: child.pid ?? 0,
    async stop() {
      if (child.exitCode !== null || child.signalCode !== null) return;
      child.kill('SIGKILL');
      await once(child, 'exit');
    },
  };
}

async function untilListening(port: number, child: ChildProcess, name: string): Promise<void> {
  const deadline = performance.now() + startMsMax;
  while (performance.now() < deadline) {
    if (child.exitCode !== null) throw new Error(`${name} ended with ${child.exitCode}`);
    const socket = connect(port, '127.0.0.1');
    const isOpen = await once(socket, 'connect').then(
      () => true,
      () => false,
    );
    socket.destroy();
    if (isOpen) return;
    await delay(pollMs);
  }
  child.kill('SIGKILL');
  throw new Error(`${name} does not listen`);
}

/** Share of the machine's CPUs, 0 to 1, that is busy right now: what others do, as long as we only wait. */
export async function busyShare(sampleMs: number): Promise<number> {
  const before = readCpuTimes();
  await delay(sampleMs);
  const after = readCpuTimes();
  return 1 - (after.idle - before.idle) / (after.all - before.all);
}

function readCpuTimes(): { all: number; idle: number } {
  const [line = ''] = readFileSync('/proc/stat', 'latin1').split('\n');
  const ticks = line.split(/\s+/).slice(1, 9).map(Number);
  const [, , , idle = 0, ioWait = 0] = ticks;
  return { all: ticks.reduce((sum, count) => sum + count, 0), idle: idle + ioWait };
}
