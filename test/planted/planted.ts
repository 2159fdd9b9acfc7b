import { spawnSync } from 'node:child_process';
import { cpSync, globSync, mkdtempSync, rmSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('../..', import.meta.url));
const copied = ['package.json', 'tsconfig.json', 'vitest.config.ts', 'server', 'schema', 'test'];

/** The tests that are to catch each planted mistake. */
const guards: Readonly<Record<string, string>> = {
  'another-key-after-the-first-byte': 'test/pool/fault-matrix.test.ts',
  'answered-before-the-commit': 'test/ledger/ledger.test.ts',
  'budget-without-its-first-row': 'test/http/limits.test.ts',
  'checkpoint-not-saved': 'test/ledger/ledger.test.ts',
  'day-of-the-wrong-zone': 'test/client-keys/limits/budget-period.test.ts',
  'events-that-can-be-removed': 'test/ledger/ledger.test.ts',
  'limit-not-in-the-transaction': 'test/ledger/ledger-model.test.ts',
  'money-in-floats': 'test/pricing/cost-of.test.ts',
  'not-on-disk-at-commit': 'test/ledger/database.test.ts',
  'orphans-missed': 'test/ledger/ledger-model.test.ts',
  'refunded-twice': 'test/http/limits.test.ts',
  'usage-summed-over-chunks': 'test/gemini/tally.test.ts',
};

export interface PlantedResult {
  name: string;
  isCaught: boolean;
  /** What went wrong with the planting itself; null for nothing. */
  problem: string | null;
}

/** The mistakes that are kept as patches, by name. */
export function plantedNames(): string[] {
  return globSync(join(root, 'test/planted/*.patch'))
    .map((file) => basename(file, '.patch'))
    .sort();
}

/** Makes a mistake in a copy of the program and runs the tests that are to catch it: they have to fail, and to pass without it. */
export function plant(name: string): PlantedResult {
  const guard = guards[name];
  return inCopy((folder) => {
    const patch = join(root, 'test/planted', `${name}.patch`);
    const applied = spawnSync('git', ['apply', patch], { cwd: folder, encoding: 'utf8' });
    if (applied.status !== 0 || !guard)
      return { name, isCaught: false, problem: applied.stderr || 'no test guards it' };
    return { name, isCaught: !passes(folder, [guard]), problem: null };
  });
}

/** Whether the guards pass in a copy without any mistake: else it would prove nothing that they fail in one with. */
export function guardsPass(): boolean {
  return inCopy((folder) => passes(folder, [...new Set(Object.values(guards))]));
}

function inCopy<Result>(work: (folder: string) => Result): Result {
  const folder = mkdtempSync(join(tmpdir(), 'gemini-pool-planted-'));
  try {
    for (const path of copied) cpSync(join(root, path), join(folder, path), { recursive: true });
    symlinkSync(join(root, 'node_modules'), join(folder, 'node_modules'));
    return work(folder);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

function passes(folder: string, tests: readonly string[]): boolean {
  const vitest = join(root, 'node_modules/vitest/vitest.mjs');
  return spawnSync(process.execPath, [vitest, 'run', ...tests], { cwd: folder, encoding: 'utf8' }).status === 0;
}

/** Whether a patch still fits the program, without running anything. */
export function fits(name: string): boolean {
  const patch = join(root, 'test/planted', `${name}.patch`);
  return spawnSync('git', ['apply', '--check', patch], { cwd: root }).status === 0;
}
