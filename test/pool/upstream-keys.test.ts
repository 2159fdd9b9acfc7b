import { randomBytes, randomUUIDv7 } from 'node:crypto';
import { describe, expect, test } from 'vitest';
import type { GeminiClient } from '../../server/gemini/gemini-client.ts';
import { createJobs } from '../../server/jobs/jobs.ts';
import { Refusal } from '../../server/ledger/commands.ts';
import { classifyFailure } from '../../server/pool/classify-failure.ts';
import { createPool } from '../../server/pool/pool.ts';
import { UpstreamKey } from '../../server/pool/upstream-key.entity.ts';
import { createUpstreamKeyJobs } from '../../server/pool/upstream-key-jobs.ts';
import { loadUpstreamKeys } from '../../server/pool/upstream-keys.ts';
import { createVault } from '../../server/secrets/vault.ts';
import { openTestLedger } from '../support/ledger.ts';

const actor = 'account:ac_1';
const model = 'gemini-3.8-flash';

type List = Awaited<ReturnType<GeminiClient['listModels']>>;

/** The pool over a real database. `answers` is what Google says to a list of models, by key. */
async function open(answers: Record<string, List> = {}) {
  const { writer, orm, ledger } = await openTestLedger();
  const { execute } = writer;
  const vault = createVault(randomBytes(32));
  const pending: Promise<unknown>[] = [];

  async function start() {
    const pool = createPool({
      now: Date.now,
      random: Math.random,
      delay: async () => {},
      onRejected: ({ id }, { class: failure, message }) =>
        void pending.push(execute('upstreamKey.reject', { id, failure, message })),
    });
    const upstreamKeys = await loadUpstreamKeys({ execute, orm, vault, pool });
    const jobs = createJobs({ clock: Date.now, newId: () => `job_${randomUUIDv7()}` });
    const listModels = async (apiKey: string): Promise<List> => answers[apiKey] ?? { kind: 'listed', models: [] };
    const keyJobs = createUpstreamKeyJobs({ jobs, upstreamKeys, pool, gemini: { listModels }, now: Date.now });
    return { pool, upstreamKeys, jobs, keyJobs };
  }

  const rows = () => orm.em.fork().find(UpstreamKey, {}, { orderBy: { id: 'asc' } });
  const eventTypes = async () => (await ledger.read(0, 100)).map(({ body }) => body.type);
  return { ...(await start()), restart: start, rows, eventTypes, settled: () => Promise.all(pending) };
}

const rejection = (message: string) =>
  classifyFailure(
    { kind: 'error', status: message.includes('leaked') ? 403 : 400, text: JSON.stringify({ error: { message } }) },
    Date.now(),
  );

describe('an upstream key', () => {
  test('is stored sealed, used in the clear, and still there after a restart', async () => {
    const { upstreamKeys, pool, restart, rows } = await open();
    const { outcome, id } = await upstreamKeys.add('AIzaSy-the-secret-key', 'IMPORT', actor);
    expect(outcome).toBe('ADDED');
    expect(JSON.stringify(await rows())).not.toContain('the-secret');
    for (const { get } of [pool, (await restart()).pool])
      expect(get(id ?? '')).toMatchObject({ apiKey: 'AIzaSy-the-secret-key', maskedKey: 'AIza…-key' });
  });

  test('is there once, however often it is added', async () => {
    const { upstreamKeys, pool } = await open();
    const additions = await Promise.all(
      ['IMPORT', 'ENVIRONMENT', 'IMPORT'].map((source) => upstreamKeys.add('a-key-of-mine', source as 'IMPORT', actor)),
    );
    expect(additions.map(({ outcome }) => outcome)).toEqual(['ADDED', 'DUPLICATE', 'DUPLICATE']);
    expect(new Set(additions.map(({ id }) => id)).size).toBe(1);
    expect(pool.keys()).toHaveLength(1);
  });

  test('is wiped when deleted; the environment does not bring it back, an import does', async () => {
    const { upstreamKeys, pool, rows, eventTypes } = await open();
    const { id } = await upstreamKeys.add('a-key-of-mine', 'ENVIRONMENT', 'environment');
    await upstreamKeys.delete(id ?? '', actor);
    expect(pool.keys()).toEqual([]);
    expect(await rows()).toMatchObject([{ ciphertext: null, maskedKey: 'a-…' }]);
    expect(await upstreamKeys.add('a-key-of-mine', 'ENVIRONMENT', 'environment')).toMatchObject({
      outcome: 'SKIPPED',
      id: null,
    });
    expect((await upstreamKeys.add('a-key-of-mine', 'IMPORT', actor)).outcome).toBe('ADDED');
    expect(pool.keys()).toHaveLength(1);
    expect(await eventTypes()).toEqual(['UpstreamKeyAdded', 'UpstreamKeyDeleted', 'UpstreamKeyAdded']);
    await expect(upstreamKeys.delete(id ?? '', actor)).rejects.toThrow(Refusal);
  });

  test('that is switched off stays so after a restart', async () => {
    const { upstreamKeys, pool, restart } = await open();
    const { id } = await upstreamKeys.add('a-key-of-mine', 'IMPORT', actor);
    await upstreamKeys.setEnabled(id ?? '', false, actor);
    expect(pool.choose(model)).not.toHaveProperty('key');
    expect((await restart()).pool.choose(model)).not.toHaveProperty('key');
  });

  test('that Google rejects stays out after a restart: a leaked one for good, others for a day', async () => {
    const { upstreamKeys, pool, restart, settled, rows } = await open();
    const { id: leaked } = await upstreamKeys.add('leaked-key', 'IMPORT', actor);
    const { id: invalid } = await upstreamKeys.add('invalid-key', 'IMPORT', actor);
    pool.noteCheck(leaked ?? '', rejection('Your API key was reported as leaked.'));
    pool.noteCheck(invalid ?? '', rejection('API key not valid.'));
    await settled();
    const { pool: again } = await restart();
    expect(again.choose(model)).toEqual({ earliestMs: null, reasons: [] });
    expect(again.get(leaked ?? '')?.rejection?.untilMs).toBeNull();
    expect(again.get(invalid ?? '')?.rejection?.untilMs).toBeGreaterThan(Date.now() + 86_000_000);
    again.noteCheck(invalid ?? '', null);
    await expect.poll(async () => (await rows()).map((row) => row.rejection)).toEqual(['key_dead', null]);
    expect((await restart()).pool.choose(model)).toMatchObject({ key: { id: invalid } });
  });
});

describe('an import', () => {
  test('tells what came of each key and never shows one', async () => {
    const { keyJobs, jobs, pool, eventTypes } = await open();
    const job = keyJobs.startImport('first-key-of-mine\nfirst-key-of-mine\nnot a key', actor);
    if ('problem' in job) throw new Error(job.problem);
    expect(job).toMatchObject({ kind: 'UPSTREAM_KEY_IMPORT', status: 'RUNNING', total: 3, done: 0 });
    await expect.poll(() => jobs.get(job.id)?.status).toBe('SUCCEEDED');
    const [key] = pool.keys();
    expect(jobs.get(job.id)?.rows).toEqual([
      { number: 1, maskedKey: 'firs…mine', outcome: 'ADDED', message: null, upstreamKeyId: key?.id },
      { number: 2, maskedKey: 'firs…mine', outcome: 'DUPLICATE', message: null, upstreamKeyId: key?.id },
      {
        number: 3,
        maskedKey: 'no…',
        outcome: 'INVALID',
        message: 'A key has no spaces or line breaks.',
        upstreamKeyId: null,
      },
    ]);
    expect(await eventTypes()).toEqual(['UpstreamKeyAdded']);
  });

  test('of nothing is not begun', async () => {
    const { keyJobs, jobs } = await open();
    expect(keyJobs.startImport('hello there', actor)).toEqual({ problem: 'There is no key in it.' });
    expect(jobs.list()).toEqual([]);
  });

  test('waits for the end of another', async () => {
    const { keyJobs, jobs } = await open();
    keyJobs.startImport(['first-key'], actor);
    expect(() => keyJobs.startImport(['second-key'], actor)).toThrow(Refusal);
    await expect.poll(() => jobs.list()[0]?.status).toBe('SUCCEEDED');
    expect(keyJobs.startImport(['second-key'], actor)).toMatchObject({ status: 'RUNNING' });
    await expect.poll(() => jobs.list()[0]?.status).toBe('SUCCEEDED');
  });
});

test('a check rejects what Google refuses, restores what it accepts, and takes a limit for neither', async () => {
  const error = (status: number, message: string): List => ({
    kind: 'error',
    status,
    text: JSON.stringify({ error: { message } }),
  });
  const { keyJobs, jobs, upstreamKeys, pool, settled } = await open({
    'dead-key': error(400, 'API key not valid.'),
    'busy-key': error(429, 'Resource has been exhausted (e.g. check quota).'),
    'lost-key': { kind: 'broken', message: 'connect ECONNREFUSED' },
  });
  const ids = [];
  for (const key of ['good-key', 'dead-key', 'busy-key', 'lost-key'])
    ids.push((await upstreamKeys.add(key, 'IMPORT', actor)).id ?? '');
  pool.noteCheck(ids[0] ?? '', rejection('API key not valid.'));
  const job = keyJobs.startVerify([...ids, ids[0] ?? '', 'uk_gone']);
  await expect.poll(() => jobs.get(job.id)?.status).toBe('SUCCEEDED');
  await settled();
  expect(jobs.get(job.id)?.rows.map(({ outcome }) => outcome)).toEqual([
    'VALID',
    'INVALID',
    'INCONCLUSIVE',
    'INCONCLUSIVE',
    'SKIPPED',
  ]);
  expect(pool.keys().map(({ rejection: held }) => held?.reason ?? null)).toEqual([null, 'key_dead', null, null]);
  expect(pool.keys().every(({ rests }) => rests.size === 0)).toBe(true);
});
