import { randomBytes, randomUUIDv7 } from 'node:crypto';
import { describe, expect, test } from 'vitest';
import type { GeminiClient } from '../../server/gemini/gemini-client.ts';
import { loadJobs } from '../../server/jobs/jobs.ts';
import { Refusal } from '../../server/ledger/commands.ts';
import { classifyFailure } from '../../server/pool/classify-failure.ts';
import type { ImportInput } from '../../server/pool/plan-import.ts';
import { createPool } from '../../server/pool/pool.ts';
import { UpstreamKey } from '../../server/pool/upstream-key.entity.ts';
import { createUpstreamKeyJobs, upstreamKeyWorks } from '../../server/pool/upstream-key-jobs.ts';
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

  async function start() {
    const pool = createPool({ now: Date.now, random: Math.random, delay: async () => {} });
    const upstreamKeys = await loadUpstreamKeys({ execute, orm, vault, pool, now: Date.now });
    const listModels = async ({ apiKey }: { apiKey: string }): Promise<List> =>
      answers[apiKey] ?? { kind: 'listed', models: [] };
    const works = upstreamKeyWorks({ upstreamKeys, pool, gemini: { listModels }, now: Date.now });
    const jobs = await loadJobs({ execute, orm, vault, works, newId: () => `job_${randomUUIDv7()}` });
    const keyJobs = createUpstreamKeyJobs({ jobs, pool });
    const ended = (id: string) => expect.poll(() => jobs.get(id)?.status).not.toBe('RUNNING');
    const results = async (id: string) => (await jobs.rows(id, 500, null, null)).nodes;
    /** An import that must be taken, to its end. */
    const importAll = async (content: string, more: Partial<ImportInput> = {}) => {
      const job = await keyJobs.startImport({ ...pasted(content), ...more }, actor);
      if ('problem' in job) throw new Error(job.problem);
      await ended(job.id);
      return job;
    };
    return { pool, upstreamKeys, jobs, keyJobs, ended, results, importAll };
  }

  const rows = () => orm.em.fork().find(UpstreamKey, {}, { orderBy: { id: 'asc' } });
  const events = async () => (await ledger.read(0, 500)).map(({ body }) => body);
  const eventTypes = async () => (await events()).map(({ type }) => type);
  return { ...(await start()), restart: start, rows, events, eventTypes };
}

const pasted = (content: string): ImportInput => ({ format: 'text', content, tags: [], group: null, project: null });

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
    await upstreamKeys.changeMany([id ?? ''], { kind: 'disable' }, actor);
    expect(pool.choose({ model })).not.toHaveProperty('key');
    expect((await restart()).pool.choose({ model })).not.toHaveProperty('key');
  });

  test('that Google rejects stays out after a restart: a leaked one for good, others for a day', async () => {
    const { upstreamKeys, pool, restart, rows } = await open();
    const { id: leaked } = await upstreamKeys.add('leaked-key', 'IMPORT', actor);
    const { id: invalid } = await upstreamKeys.add('invalid-key', 'IMPORT', actor);
    pool.noteCheck(leaked ?? '', rejection('Your API key was reported as leaked.'));
    pool.noteCheck(invalid ?? '', rejection('API key not valid.'));
    await expect.poll(async () => (await rows()).map((row) => row.rejection)).toEqual(['key_dead', 'key_dead']);
    const { pool: again } = await restart();
    expect(again.choose({ model })).toEqual({ earliestMs: null, reasons: [] });
    expect(again.get(leaked ?? '')?.rejection?.untilMs).toBeNull();
    expect(again.get(invalid ?? '')?.rejection?.untilMs).toBeGreaterThan(Date.now() + 86_000_000);
    again.noteCheck(invalid ?? '', null);
    await expect.poll(async () => (await rows()).map((row) => row.rejection)).toEqual(['key_dead', null]);
    expect((await restart()).pool.choose({ model })).toMatchObject({ key: { id: invalid } });
  });
});

describe('an import', () => {
  test('tells what came of each key and never shows one', async () => {
    const { jobs, pool, importAll, results, eventTypes } = await open();
    const job = await importAll('first-key-of-mine\nfirst-key-of-mine\nnot a key');
    expect(job).toMatchObject({ kind: 'UPSTREAM_KEY_IMPORT', status: 'RUNNING', total: 3, done: 0 });
    const [key] = pool.keys();
    const row = { maskedKey: 'firs…mine', message: null, upstreamKeyId: key?.id };
    expect(await results(job.id)).toEqual([
      { ...row, number: 1, outcome: 'ADDED' },
      { ...row, number: 2, outcome: 'DUPLICATE', message: 'The same key as in row 1.' },
      {
        number: 3,
        maskedKey: 'no…',
        outcome: 'INVALID',
        message: 'A key has no spaces or line breaks.',
        upstreamKeyId: null,
      },
    ]);
    expect(jobs.get(job.id)?.counts).toEqual({ ADDED: 1, DUPLICATE: 1, INVALID: 1 });
    expect(await eventTypes()).toEqual(['UpstreamKeyAdded']);
  });

  test('is told beforehand, and the telling changes nothing', async () => {
    const { keyJobs, upstreamKeys, jobs, pool } = await open();
    await upstreamKeys.add('a-stored-key', 'IMPORT', actor);
    expect(keyJobs.previewImport(pasted('a-stored-key\na-fresh-key\na-fresh-key\nno key'))).toEqual({
      total: 4,
      fresh: 1,
      stored: 1,
      repeated: 1,
      malformed: 1,
      problems: [{ number: 4, maskedKey: 'no…', message: 'A key has no spaces or line breaks.' }],
    });
    expect(keyJobs.previewImport(pasted('hello there'))).toEqual({ problem: 'There is no key in it.' });
    expect(pool.keys()).toHaveLength(1);
    expect(jobs.list()).toEqual([]);
  });

  test('keeps label, tags and group of a CSV, in the ledger and after a restart', async () => {
    const { pool, upstreamKeys, importAll, restart, events } = await open();
    await importAll('key,label,tags\nfirst-key,Ann,x;y\nsecond-key,,', { format: 'csv', group: 'team' });
    const [first, second] = pool.keys().map(({ id }) => id);
    for (const { details } of [upstreamKeys, (await restart()).upstreamKeys]) {
      expect(details(first ?? '')).toMatchObject({ label: 'Ann', tags: ['x', 'y'], group: 'team' });
      expect(details(second ?? '')).toMatchObject({ label: null, tags: [], group: 'team' });
    }
    expect(await events()).toMatchObject([
      { type: 'UpstreamKeyAdded', label: 'Ann', tags: ['x', 'y'], group: 'team' },
      { type: 'UpstreamKeyAdded', group: 'team' },
    ]);
  });

  test('of nothing, or of a CSV with wrong columns, is not begun', async () => {
    const { keyJobs, jobs, pool } = await open();
    expect(await keyJobs.startImport(pasted('hello there'), actor)).toEqual({ problem: 'There is no key in it.' });
    const wrong = { ...pasted('key,colour\nfirst-key,red'), format: 'csv' } as const;
    expect(await keyJobs.startImport(wrong, actor)).toHaveProperty('problem');
    expect(jobs.list()).toEqual([]);
    expect(pool.keys()).toEqual([]);
  });

  test('waits for the end of another', async () => {
    const { keyJobs, jobs, ended } = await open();
    const first = (await keyJobs.startImport(pasted('first-key'), actor)) as { id: string };
    await expect(keyJobs.startImport(pasted('second-key'), actor)).rejects.toThrow(Refusal);
    await ended(first.id);
    expect(await keyJobs.startImport(pasted('second-key'), actor)).toMatchObject({ status: 'RUNNING' });
    await ended(jobs.list()[0]?.id ?? '');
  });

  test('that the end of the process broke off goes on after the next start: every key is added once and told once', async () => {
    const { jobs, keyJobs, restart, events, rows } = await open();
    const keys = Array.from({ length: 400 }, (_, index) => `key-number-${index}`);
    const job = (await keyJobs.startImport(pasted(keys.join('\n')), actor)) as { id: string };
    await expect.poll(() => jobs.get(job.id)?.done).toBeGreaterThan(0);
    await jobs.stop();
    expect(jobs.get(job.id)?.done).toBeLessThan(400);
    const again = await restart();
    expect(again.pool.keys().length).toBe(jobs.get(job.id)?.done);
    again.jobs.resume();
    await again.ended(job.id);
    expect(again.jobs.get(job.id)).toMatchObject({ status: 'SUCCEEDED', done: 400, counts: { ADDED: 400 } });
    const added = (await again.results(job.id)).map(({ upstreamKeyId }) => again.pool.get(upstreamKeyId ?? '')?.apiKey);
    expect(added).toEqual(keys);
    expect(await rows()).toHaveLength(400);
    expect(await events()).toHaveLength(400);
  });
});

describe('a check', () => {
  const error = (status: number, message: string): List => ({
    kind: 'error',
    status,
    text: JSON.stringify({ error: { message } }),
  });

  test('rejects what Google refuses, restores what it accepts, and takes a limit for neither', async () => {
    const { keyJobs, upstreamKeys, pool, ended, results } = await open({
      'dead-key': error(400, 'API key not valid.'),
      'busy-key': error(429, 'Resource has been exhausted (e.g. check quota).'),
      'lost-key': { kind: 'broken', message: 'connect ECONNREFUSED' },
    });
    const ids = [];
    for (const key of ['good-key', 'dead-key', 'busy-key', 'lost-key'])
      ids.push((await upstreamKeys.add(key, 'IMPORT', actor)).id ?? '');
    pool.noteCheck(ids[0] ?? '', rejection('API key not valid.'));
    const job = await keyJobs.startVerify([...ids, ids[0] ?? '', 'uk_gone'], 2, actor);
    await ended(job.id);
    const outcomes = (await results(job.id)).map(({ outcome }) => outcome);
    expect(outcomes).toEqual(['VALID', 'INVALID', 'INCONCLUSIVE', 'INCONCLUSIVE', 'SKIPPED']);
    expect(pool.keys().map(({ rejection: held }) => held?.reason ?? null)).toEqual([null, 'key_dead', null, null]);
    expect(pool.keys().every(({ rests }) => rests.size === 0)).toBe(true);
  });
});

describe('a change to many keys', () => {
  async function openWithKeys() {
    const opened = await open();
    const ids: string[] = [];
    for (const key of ['first-key', 'second-key', 'third-key'])
      ids.push((await opened.upstreamKeys.add(key, 'IMPORT', actor)).id ?? '');
    const [first = '', second = '', third = ''] = ids;
    return { ...opened, first, second, third };
  }

  test('is made to all of them at once, with a result and an event for each', async () => {
    const { upstreamKeys, pool, first, second, third, events, restart } = await openWithKeys();
    await upstreamKeys.changeMany([second], { kind: 'disable' }, actor);
    const before = (await events()).length;
    const change = { kind: 'disable' } as const;
    expect(await upstreamKeys.changeMany([third, 'uk_gone', second, first], change, actor)).toEqual([
      { id: third, maskedKey: 'th…', outcome: 'CHANGED', message: null },
      { id: 'uk_gone', maskedKey: '', outcome: 'NOT_FOUND', message: 'There is no upstream key with this id.' },
      { id: second, maskedKey: 'se…', outcome: 'UNCHANGED', message: null },
      { id: first, maskedKey: 'fi…', outcome: 'CHANGED', message: null },
    ]);
    expect((await events()).slice(before)).toMatchObject([
      { type: 'UpstreamKeyUpdated', upstreamKeyId: third, isEnabled: false },
      { type: 'UpstreamKeyUpdated', upstreamKeyId: first, isEnabled: false },
    ]);
    for (const { keys } of [pool, (await restart()).pool])
      expect(keys().map(({ isEnabled }) => isEnabled)).toEqual([false, false, false]);
  });

  test('tags and moves them, and lasts', async () => {
    const { upstreamKeys, first, second, restart } = await openWithKeys();
    await upstreamKeys.changeMany([first, second], { kind: 'tag', add: ['x', 'y'], remove: [] }, actor);
    await upstreamKeys.changeMany([second], { kind: 'tag', add: [], remove: ['x'] }, actor);
    await upstreamKeys.changeMany([second], { kind: 'move', group: 'team' }, actor);
    for (const { details } of [upstreamKeys, (await restart()).upstreamKeys]) {
      expect(details(first)).toMatchObject({ tags: ['x', 'y'], group: null });
      expect(details(second)).toMatchObject({ tags: ['y'], group: 'team' });
    }
    const full = Array.from({ length: 19 }, (_, index) => `tag-${index}`);
    expect(await upstreamKeys.changeMany([first, second], { kind: 'tag', add: full, remove: [] }, actor)).toMatchObject(
      [{ outcome: 'REFUSED' }, { outcome: 'CHANGED' }],
    );
  });

  test('wipes them for good', async () => {
    const { upstreamKeys, pool, first, third, rows, eventTypes } = await openWithKeys();
    await upstreamKeys.changeMany([first, third], { kind: 'delete' }, actor);
    expect(pool.keys().map(({ apiKey }) => apiKey)).toEqual(['second-key']);
    expect((await rows()).map(({ ciphertext }) => ciphertext === null)).toEqual([true, false, true]);
    expect(upstreamKeys.details(first)?.isDeleted).toBe(true);
    expect((await eventTypes()).slice(-2)).toEqual(['UpstreamKeyDeleted', 'UpstreamKeyDeleted']);
    const again = await upstreamKeys.changeMany([first], { kind: 'delete' }, actor);
    expect(again).toMatchObject([{ outcome: 'NOT_FOUND' }]);
    expect((await upstreamKeys.add('first-key', 'IMPORT', actor)).outcome).toBe('ADDED');
  });
});

test('an export gives the keys in the clear, as text or as a CSV that an import reads, and is in the ledger', async () => {
  const { upstreamKeys, importAll, pool, events } = await open();
  await importAll('key,label,tags,group\nfirst-key,"Ann, laptop",x;y,team\nsecond-key,,,', { format: 'csv' });
  const ids = pool.keys().map(({ id }) => id);
  expect(await upstreamKeys.export([...ids, 'uk_gone'], 'TEXT', actor)).toEqual({
    content: 'first-key\nsecond-key\n',
    count: 2,
  });
  expect((await upstreamKeys.export(ids, 'CSV', actor)).content).toBe(
    'key,label,tags,group,project\r\nfirst-key,"Ann, laptop",x; y,team,\r\nsecond-key,,,,\r\n',
  );
  const told = (await events()).filter(({ type }) => type === 'UpstreamKeysExported');
  expect(told).toEqual(Array(2).fill({ type: 'UpstreamKeysExported', count: 2, upstreamKeyIds: ids }));
});
