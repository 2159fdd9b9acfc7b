import { describe, expect, test } from 'vitest';
import { createJobs, type Job, type JobRow } from '../../server/jobs/jobs.ts';

type RowResult = Omit<JobRow, 'number'>;
const added = (maskedKey: string): RowResult => ({ maskedKey, outcome: 'ADDED', message: null, upstreamKeyId: null });

function open() {
  let ids = 0;
  const jobs = createJobs({ clock: () => 1000, newId: () => `job_${++ids}` });
  const ended = (id: string) =>
    new Promise<Job>((resolve) => {
      jobs.onUpdate((job) => {
        if (job.id === id && job.status !== 'RUNNING') resolve(job);
      });
    });
  return { jobs, ended };
}

describe('a job', () => {
  test('has a result for each row, in the order of the rows, and tells of its progress', async () => {
    const { jobs, ended } = open();
    const gates = new Map(['a', 'b', 'c'].map((row) => [row, Promise.withResolvers<void>()]));
    const seen: string[] = [];
    jobs.onUpdate(({ status, done, rows }) => seen.push(`${status} ${done} ${rows.map(({ maskedKey }) => maskedKey)}`));
    const job = jobs.start(
      'TEST',
      [...gates.keys()],
      async (row) => {
        await gates.get(row)?.promise;
        return added(row);
      },
      { concurrency: 2 },
    );
    expect(job).toMatchObject({ id: 'job_1', kind: 'TEST', status: 'RUNNING', total: 3, done: 0, rows: [] });
    const end = ended(job.id);
    for (const row of ['b', 'c', 'a']) {
      gates.get(row)?.resolve();
      await expect.poll(() => jobs.get(job.id)?.rows.some(({ maskedKey }) => maskedKey === row)).toBe(true);
    }
    expect(await end).toMatchObject({ status: 'SUCCEEDED', done: 3, startedAt: 1000, finishedAt: 1000, failure: null });
    expect(seen).toEqual(['RUNNING 1 b', 'RUNNING 2 b,c', 'SUCCEEDED 3 a,b,c']);
    expect(job.rows).toEqual([]);
  });

  test('runs as many rows at a time as it may', async () => {
    const { jobs, ended } = open();
    let running = 0;
    let most = 0;
    const job = jobs.start(
      'TEST',
      Array.from({ length: 20 }, String),
      async (row) => {
        most = Math.max(most, ++running);
        await null;
        running--;
        return added(row);
      },
      { concurrency: 3 },
    );
    await ended(job.id);
    expect(most).toBe(3);
  });

  test('that is cancelled begins no further row and keeps what is done', async () => {
    const { jobs, ended } = open();
    const begun: string[] = [];
    const job = jobs.start(
      'TEST',
      ['a', 'b', 'c'],
      async (row) => {
        begun.push(row);
        return added(row);
      },
      { concurrency: 1 },
    );
    const end = ended(job.id);
    expect(jobs.cancel(job.id)?.status).toBe('RUNNING');
    expect(await end).toMatchObject({ status: 'CANCELLED', done: 1, total: 3 });
    expect(begun).toEqual(['a']);
    expect(jobs.cancel(job.id)?.status).toBe('CANCELLED');
  });

  test('fails with what a row threw', async () => {
    const { jobs, ended } = open();
    const work = async (row: string) => {
      if (row === 'b') throw new Error('The ledger cannot be written.');
      return added(row);
    };
    const job = jobs.start('TEST', ['a', 'b', 'c'], work, { concurrency: 1 });
    expect(await ended(job.id)).toMatchObject({ status: 'FAILED', failure: 'The ledger cannot be written.', done: 1 });
  });
});

test('the last fifty jobs are remembered, newest first, and none that runs is dropped', async () => {
  const { jobs, ended } = open();
  const gate = Promise.withResolvers<void>();
  const running = jobs.start('SLOW', ['a'], async (row) => gate.promise.then(() => added(row)), { concurrency: 1 });
  for (let count = 0; count < 60; count++)
    await ended(jobs.start('TEST', ['a'], async () => added('a'), { concurrency: 1 }).id);
  expect(jobs.list()).toHaveLength(50);
  expect(jobs.list()[0]?.id).toBe('job_61');
  expect(jobs.get(running.id)?.status).toBe('RUNNING');
  expect(jobs.get('job_2')).toBeNull();
  expect(jobs.cancel('job_2')).toBeNull();
  gate.resolve();
  expect((await ended(running.id)).status).toBe('SUCCEEDED');
});
