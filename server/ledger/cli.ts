import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { readConfig } from '../config.ts';
import { connectionOf, DatabaseError, migrate, openDatabase, requireMigrated } from '../database.ts';
import { entities } from '../entities.ts';
import { type Verdict, verifyLedger } from './verify.ts';

const usage = `usage: npm run ledger -- verify [--json]

Checks every event of the ledger against its hash, the positions for gaps, and every figure against a rebuild from the events.
Changes nothing; the server may be running. The last line is the result; the exit status is 0 when the ledger is sound.
  --json  prints the result as JSON`;

/** So often it is told how far the check has come. */
const progressMs = 1000;

try {
  process.exitCode = await main(process.argv.slice(2));
} catch (error) {
  console.error((error as Error).message);
  process.exitCode = 1;
}

async function main(words: string[]): Promise<number> {
  const options = readOptions(words);
  if (!options) {
    console.error(usage);
    return 2;
  }
  const verdict = await verifyFile(readConfig().databaseFile);
  console.log(options.json ? JSON.stringify(verdict) : sentence(verdict));
  return verdict.isSound ? 0 : 1;
}

function readOptions(words: string[]): { json: boolean } | null {
  try {
    const { values, positionals } = parseArgs({
      args: words,
      allowPositionals: true,
      options: { json: { type: 'boolean', default: false } },
    });
    return positionals.length === 1 && positionals[0] === 'verify' ? values : null;
  } catch {
    return null;
  }
}

async function verifyFile(file: string): Promise<Verdict> {
  if (!existsSync(file)) throw new DatabaseError(`There is no database at ${file} yet. Start the server once.`);
  const folder = mkdtempSync(join(tmpdir(), 'gemini-pool-verify-'));
  const ledger = await openDatabase(file, entities, 'read');
  const scratch = await openDatabase(join(folder, 'rebuilt.db'), entities, 'write');
  try {
    await requireMigrated(ledger);
    await migrate(scratch);
    // Nobody needs the rebuild after a power cut.
    (await connectionOf(scratch)).pragma('synchronous = OFF');
    return await verifyLedger(ledger, scratch, createProgress());
  } finally {
    await scratch.close();
    await ledger.close();
    rmSync(folder, { recursive: true, force: true });
  }
}

function createProgress(): (position: number) => void {
  let toldAt = performance.now();
  return (position) => {
    if (performance.now() - toldAt < progressMs) return;
    toldAt = performance.now();
    console.error(`checked ${position} events`);
  };
}

function sentence({ problem, headPosition, headHash, projectionsHash }: Verdict): string {
  if (problem) return `NOT SOUND: ${problem}.`;
  return `SOUND: ${headPosition} events, head ${headHash}, projections ${projectionsHash}.`;
}
