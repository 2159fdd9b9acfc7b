import { expect, onTestFinished, test } from 'vitest';
import { startGatewayProcess } from '../support/gateway-process.ts';
import { readEvents } from '../support/ledger.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';

interface JobState {
  job: { status: string; total: number; done: number; counts: { outcome: string; rows: number }[] };
}

test('after kill -9 an import goes on: every key is added once and told once', { timeout: 60_000 }, async () => {
  const dataDir = temporaryFolder();
  const start = async () => {
    const gateway = await startGatewayProcess({ dataDir });
    onTestFinished(() => gateway.kill());
    return gateway;
  };
  const first = await start();
  const keys = Array.from({ length: 5_000 }, (_, index) => `AIza${String(index).padStart(35, '0')}`);
  const { upstreamKeyImport } = await first.graphql<{ upstreamKeyImport: { job: { id: string } } }>(
    'mutation ($keys: [String!]!) { upstreamKeyImport(input: {keys: $keys}) { ... on JobStartSuccess { job { id } } } }',
    { keys },
  );
  const read = async ({ graphql }: typeof first) =>
    (
      await graphql<JobState>('query ($id: ID!) { job(id: $id) { status total done counts { outcome rows } } }', {
        id: upstreamKeyImport.job.id,
      })
    ).job;
  await expect.poll(async () => (await read(first)).done, { interval: 5 }).toBeGreaterThan(0);
  await first.kill();

  const broken = (await readEvents(dataDir)).filter(({ type }) => type === 'UpstreamKeyAdded').length;
  expect(broken).toBeLessThan(keys.length);
  const second = await start();
  await expect.poll(async () => (await read(second)).status, { timeout: 30_000 }).not.toBe('RUNNING');
  expect(await read(second)).toEqual({
    status: 'SUCCEEDED',
    total: keys.length,
    done: keys.length,
    counts: [{ outcome: 'ADDED', rows: keys.length }],
  });
  await second.stop();
  const added = (await readEvents(dataDir)).filter(({ type }) => type === 'UpstreamKeyAdded');
  expect(added).toHaveLength(keys.length);
});
