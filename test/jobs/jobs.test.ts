import { randomBytes } from 'node:crypto';
import { describe, expect, test } from 'vitest';
import { Job as JobEntity } from '../../server/jobs/job.entity.ts';
import { type Job, type JobRow, type JobWork, loadJobs, type Numbered } from '../../server/jobs/jobs.ts';
import { Refusal } from '../../server/ledger/commands.ts';
import { createVault } from '../../server/secrets/vault.ts';
import { openTestLedger } from '../support/ledger.ts';

const actor = 'account:ac_1';
const added = ({ number, row }: Numbered<string>): JobRow => ({
  number,
  maskedKey: row,
  outcome: 'ADDED',
  message: null,
  upstreamKeyId: null,
});

/** Jobs over a real database. `restart` makes another process's view of them on the same file. */
async function open(vault = createVault(randomBytes(32))) {
  const { writer, orm } = await openTestLedger();
  let ids = 0;
  const works: Record<string, JobWork> = {};

  async function start(opener = vault) {
    const newId = () => `job_${++ids}`;
    const jobs = await loadJobs({ execute: writer.execute, orm, vault: opener, works, newId });
    const ended = (id: string) =>
      new Promise<Job>((resolve) => {
        jobs.onUpdate((job) => {
          if (job.id === id && job.status !== 'RUNNING') resolve(job);
        });
      });
    /** Runs rows one at a time. */
    const run = (rows: string[], work: (row: Numbered<string>) => Promise<JobRow>, concurrency = 1, kind = 'TEST') => {
      define(kind, work);
      return jobs.start({ kind, rows, concurrency, actor });
    };
    const masks = async (id: string) => (await jobs.rows(id, 500, null, null)).nodes.map(({ maskedKey }) => maskedKey);
    return { jobs, ended, run, masks };
  }

  function define(kind: string, work: (row: Numbered<string>) => Promise<JobRow>) {
    const each: JobWork<string> = {
      batchSize: 1,
      run: async (batch, { record }) => record(await Promise.all(batch.map(work))),
    };
    works[kind] = each;
  }
  const stored = () => orm.em.fork().find(JobEntity, {}, { orderBy: { id: 'asc' } });
  return { ...(await start()), restart: start, define, stored };
}

describe('a job', () => {
  test('has a result for each row, in the order of the rows, and tells of its progress', async () => {
    const { jobs, ended, run, masks } = await open();
    const gates = new Map(['a', 'b', 'c'].map((row) => [row, Promise.withResolvers<void>()]));
    const seen: string[] = [];
    jobs.onUpdate(({ status, done, counts }) => seen.push(`${status} ${done} ${counts.ADDED}`));
    const job = await run(
      [...gates.keys()],
      async (row) => {
        await gates.get(row.row)?.promise;
        return added(row);
      },
      2,
    );
    expect(job).toMatchObject({ id: 'job_1', kind: 'TEST', status: 'RUNNING', total: 3, done: 0, counts: {} });
    const end = ended(job.id);
    for (const row of ['b', 'c', 'a']) {
      gates.get(row)?.resolve();
      await expect.poll(() => masks(job.id)).toContain(row);
    }
    expect(await end).toMatchObject({ status: 'SUCCEEDED', done: 3, failure: null, counts: { ADDED: 3 } });
    expect((await end).finishedAt).toBeGreaterThanOrEqual(job.startedAt);
    expect(seen).toEqual(['RUNNING 1 1', 'RUNNING 2 2', 'SUCCEEDED 3 3']);
    expect(await masks(job.id)).toEqual(['a', 'b', 'c']);
  });

  test('gives its results by pages, all or those of some outcomes', async () => {
    const { jobs, ended, run } = await open();
    const work = async (row: Numbered<string>) => ({
      ...added(row),
      outcome: row.number % 2 ? ('ADDED' as const) : ('INVALID' as const),
    });
    const job = await run(['a', 'b', 'c', 'd', 'e'], work);
    await ended(job.id);
    const first = await jobs.rows(job.id, 2, null, null);
    expect(first).toMatchObject({ nodes: [{ number: 1 }, { number: 2 }], hasNextPage: true, totalCount: 5 });
    const last = await jobs.rows(job.id, 9, first.endCursor, null);
    expect(last).toMatchObject({ nodes: [{ number: 3 }, { number: 4 }, { number: 5 }], hasNextPage: false });
    const invalid = await jobs.rows(job.id, 9, null, ['INVALID']);
    expect(invalid).toMatchObject({ nodes: [{ maskedKey: 'b' }, { maskedKey: 'd' }], totalCount: 2 });
    expect(jobs.get(job.id)?.counts).toEqual({ ADDED: 3, INVALID: 2 });
  });

  test('runs as many rows at a time as it may', async () => {
    const { ended, run } = await open();
    let running = 0;
    let most = 0;
    const job = await run(
      Array.from({ length: 20 }, String),
      async (row) => {
        most = Math.max(most, ++running);
        await null;
        running--;
        return added(row);
      },
      3,
    );
    await ended(job.id);
    expect(most).toBe(3);
  });

  test('that is cancelled begins no further row and keeps what is done, also for the next start', async () => {
    const { jobs, ended, run, masks, restart, define } = await open();
    const gate = Promise.withResolvers<void>();
    const begun: string[] = [];
    const work = async (row: Numbered<string>) => {
      begun.push(row.row);
      await gate.promise;
      return added(row);
    };
    const job = await run(['a', 'b', 'c'], work);
    const end = ended(job.id);
    expect((await jobs.cancel(job.id))?.status).toBe('RUNNING');
    const later = await restart();
    define('TEST', work);
    later.jobs.resume();
    expect(later.jobs.get(job.id)?.status).toBe('CANCELLED');
    gate.resolve();
    expect(await end).toMatchObject({ status: 'CANCELLED', done: 1, total: 3 });
    expect(begun).toEqual(['a']);
    expect(await masks(job.id)).toEqual(['a']);
    expect((await jobs.cancel(job.id))?.status).toBe('CANCELLED');
  });

  test('fails with what a row threw', async () => {
    const { ended, run } = await open();
    const job = await run(['a', 'b', 'c'], async (row) => {
      if (row.row === 'b') throw new Error('The disk is full.');
      return added(row);
    });
    expect(await ended(job.id)).toMatchObject({ status: 'FAILED', failure: 'The disk is full.', done: 1 });
  });

  test('of a kind that nobody knows fails, and harms nothing else', async () => {
    const { jobs, ended } = await open();
    const job = await jobs.start({ kind: 'NEWER', rows: ['a'], concurrency: 1, actor });
    expect(await ended(job.id)).toMatchObject({ status: 'FAILED', done: 0, failure: expect.stringContaining('NEWER') });
  });

  test('is refused while one of its kind runs, and let in afterwards', async () => {
    const { ended, run } = await open();
    const gate = Promise.withResolvers<void>();
    const slow = async (row: Numbered<string>) => gate.promise.then(() => added(row));
    const tries = [run(['a'], slow), run(['b'], slow)];
    await expect(tries[1]).rejects.toThrow(Refusal);
    const { id } = (await tries[0]) as Job;
    await run(['x'], async (row) => added(row), 1, 'OTHER');
    const end = ended(id);
    gate.resolve();
    await end;
    expect((await run(['b'], slow)).status).toBe('RUNNING');
  });
});

describe('after a restart', () => {
  test('a job goes on with the rows that were not done, encrypted until then and wiped afterwards', async () => {
    const { jobs, run, restart, define, stored, masks } = await open();
    const gate = Promise.withResolvers<void>();
    const work = async (row: Numbered<string>) => {
      if (row.number > 2) await gate.promise;
      return added(row);
    };
    const { id } = await run(['secret-a', 'secret-b', 'secret-c', 'secret-d'], work);
    await expect.poll(() => jobs.get(id)?.done).toBe(2);
    const stopped = jobs.stop();
    gate.resolve();
    await stopped;
    expect(await masks(id)).toEqual(['secret-a', 'secret-b']);
    const [row] = await stored();
    expect(row).toMatchObject({ status: 'RUNNING', actor });
    expect(row?.sealedRows).not.toContain('secret');

    const again = await restart();
    expect(again.jobs.get(id)).toMatchObject({ status: 'RUNNING', done: 2, total: 4, counts: { ADDED: 2 } });
    const begun: string[] = [];
    define('TEST', async (next) => {
      begun.push(next.row);
      return added(next);
    });
    const end = again.ended(id);
    again.jobs.resume();
    expect(await end).toMatchObject({ status: 'SUCCEEDED', done: 4 });
    expect(begun).toEqual(['secret-c', 'secret-d']);
    expect(await masks(id)).toEqual(['secret-a', 'secret-b', 'secret-c', 'secret-d']);
    expect(await stored()).toMatchObject([{ status: 'SUCCEEDED', sealedRows: null }]);
  });

  test('a job whose rows can no longer be decrypted fails and says why', async () => {
    const { jobs, run, restart } = await open();
    const gate = Promise.withResolvers<void>();
    const { id } = await run(['a', 'b'], async (row) => gate.promise.then(() => added(row)));
    const stopped = jobs.stop();
    gate.resolve();
    await stopped;
    const again = await restart(createVault(randomBytes(32)));
    const end = again.ended(id);
    again.jobs.resume();
    expect(await end).toMatchObject({ status: 'FAILED', done: 0 });
    expect((await end).failure).toContain('ENCRYPTION_KEY');
  });
});

test('the last twenty jobs that ended are remembered, newest first, and none that runs is dropped', async () => {
  const { jobs, ended, run, restart } = await open();
  const gate = Promise.withResolvers<void>();
  const running = await run(['a'], async (row) => gate.promise.then(() => added(row)), 1, 'SLOW');
  for (let count = 0; count < 24; count++) await ended((await run(['a'], async (row) => added(row))).id);
  expect(jobs.list()).toHaveLength(21);
  expect(jobs.list()[0]?.id).toBe('job_25');
  expect(jobs.get(running.id)?.status).toBe('RUNNING');
  for (const known of [jobs, (await restart()).jobs]) {
    expect(known.get('job_5')).toBeNull();
    expect(known.get('job_6')).not.toBeNull();
    expect(await known.cancel('job_5')).toBeNull();
  }
  expect((await jobs.rows('job_5', 9, null, null)).totalCount).toBe(0);
  const end = ended(running.id);
  gate.resolve();
  expect((await end).status).toBe('SUCCEEDED');
});
