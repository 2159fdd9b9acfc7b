import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';
import { Request } from '../../server/ledger/projections/requests.ts';
import { openTestLedger } from '../support/ledger.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';

const script = fileURLToPath(new URL('append-until-killed.ts', import.meta.url));

/** Runs the script, kills it once it has told of so many requests, and returns all that it told of. */
async function appendAndKill(file: string, run: number, told: number): Promise<string[]> {
  const child = spawn(process.execPath, [script, file, String(run)], { stdio: ['ignore', 'pipe', 'inherit'] });
  const ids: string[] = [];
  createInterface({ input: child.stdout }).on('line', (id) => {
    ids.push(id);
    if (ids.length === told) child.kill('SIGKILL');
  });
  await once(child, 'close');
  return ids.filter((id) => /^req_\d+_\d+_\d+$/.test(id));
}

// A writer under load is killed at three moments. What it had acknowledged must be there, and the next start must close the rest.
test('kill -9 loses nothing that was acknowledged and leaves nothing open', async () => {
  const file = join(temporaryFolder(), 'pool.db');
  const acknowledged = new Set<string>();
  for (const [run, told] of [50, 333, 1000].entries()) {
    for (const id of await appendAndKill(file, run, told)) acknowledged.add(id);
  }
  const { orm, writer, verify } = await openTestLedger(file);
  await writer.execute('ledger.startNode', { version: '0', nodeVersion: process.version });
  const rows = await orm.em.fork().findAll(Request);
  const succeeded = new Set(rows.filter(({ outcome }) => outcome === 'SUCCEEDED').map(({ requestId }) => requestId));
  expect(acknowledged.size).toBeGreaterThanOrEqual(1383);
  expect([...acknowledged].filter((id) => !succeeded.has(id))).toEqual([]);
  expect(rows.filter(({ outcome }) => outcome === 'IN_PROGRESS')).toEqual([]);
  expect((await verify()).problem).toBeNull();
});
