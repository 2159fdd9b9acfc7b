import { graphql as runGraphql } from 'graphql';
import { describe, expect, test } from 'vitest';
import type { Context } from '../../schema/context.ts';
import { schema } from '../../schema/index.ts';
import { password, startTestGateway } from '../support/gateway.ts';
import { readEvents } from '../support/ledger.ts';
import { exhausted } from '../support/simulated-gemini.ts';

/** A gateway without keys, and its owner. */
async function open(settings: Record<string, string> = {}) {
  const gateway = await startTestGateway({ GEMINI_API_KEYS: '', ...settings });
  await gateway.signIn();
  const { graphql } = gateway;
  const job = async (id: string) =>
    (
      await graphql(
        `query ($id: ID!) { job(id: $id) { status total done counts { outcome rows } rows(first: 200) { totalCount
          nodes { number maskedKey outcome message } } } }`,
        { id },
      )
    ).job;
  /** To its end. */
  const ended = async (id: string) => {
    await expect.poll(async () => (await job(id)).status, { timeout: 20_000 }).not.toBe('RUNNING');
    return job(id);
  };
  const start = async (mutation: 'upstreamKeyImport' | 'upstreamKeyVerify', input: Record<string, unknown>) => {
    const type = mutation === 'upstreamKeyImport' ? 'UpstreamKeyImportInput' : 'UpstreamKeyVerifyInput';
    const answer = await graphql(
      `mutation ($input: ${type}!) { result: ${mutation}(input: $input) { ... on JobStartSuccess { job { id } } ... on Error { code message } } }`,
      { input },
    );
    return answer.result;
  };
  const keys = async (filter = '{}') =>
    (
      await graphql(
        `{ upstreamKeys(first: 200, filter: ${filter}) { totalCount nodes { id maskedKey status label tags group } } }`,
      )
    ).upstreamKeys;
  const bulk = async (name: string, input: string) =>
    (
      await graphql(`mutation { result: upstreamKeyBulk${name}(input: ${input}) { __typename
        ... on UpstreamKeyChangeSuccess { changed rows { id outcome } } ... on Error { code message } } }`)
    ).result;
  return { ...gateway, job, ended, start, keys, bulk };
}

const googleKey = (index: number) => `AIza${String(index).padStart(35, '0')}`;

describe('an import of ten thousand keys', () => {
  test('fits into one call of the admin API, is told beforehand, and goes on after a restart', {
    timeout: 60_000,
  }, async () => {
    const { graphql, start, job, restart, signIn, ended, keys, verifyLedger } = await open();
    const text = Array.from({ length: 9_998 }, (_, index) => googleKey(index)).join('\n');
    const content = `${text}\n${googleKey(0)}\n${googleKey(1)}`;
    const { upstreamKeyImportPreview } = await graphql(
      `query ($input: UpstreamKeyImportInput!) { upstreamKeyImportPreview(input: $input) { ... on UpstreamKeyImportPreview { total new stored repeated malformed } } }`,
      { input: { text: content } },
    );
    expect(upstreamKeyImportPreview).toEqual({ total: 10_000, new: 9_998, stored: 0, repeated: 2, malformed: 0 });
    const { id } = (await start('upstreamKeyImport', { text: content })).job;
    await expect.poll(async () => (await job(id)).done).toBeGreaterThan(0);
    await restart();
    await signIn();
    expect((await job(id)).status).toBe('RUNNING');
    const { status, counts, rows } = await ended(id);
    expect({ status, counts }).toEqual({
      status: 'SUCCEEDED',
      counts: expect.arrayContaining([
        { outcome: 'ADDED', rows: 9_998 },
        { outcome: 'DUPLICATE', rows: 2 },
      ]),
    });
    expect(rows).toMatchObject({ totalCount: 10_000 });
    expect((await keys()).totalCount).toBe(9_998);
    expect((await verifyLedger()).problem).toBeNull();
  });

  test('and one more is refused as a whole', async () => {
    const { start, keys, graphql } = await open();
    const text = Array.from({ length: 10_001 }, (_, index) => googleKey(index)).join('\n');
    expect(await start('upstreamKeyImport', { text })).toEqual({
      code: 'invalid_input',
      message: 'At most 10,000 keys at a time.',
    });
    expect((await keys()).totalCount).toBe(0);
    expect((await graphql('{ jobs { id } }')).jobs).toEqual([]);
  });
});

describe('a check', () => {
  test('asks for the list of models only, as many keys at a time as was chosen', async () => {
    const { start, ended, gemini } = await open({ GEMINI_API_KEYS: 'AIzaGood-0123456789,AIzaBusy-0123456789' });
    const { id } = (await start('upstreamKeyVerify', { concurrency: 50 })).job;
    expect((await ended(id)).counts).toEqual([{ outcome: 'VALID', rows: 2 }]);
    expect(gemini.calls.map(({ method, path }) => `${method} ${path}`)).toEqual(
      Array(2).fill('GET /v1beta/models?pageSize=1000'),
    );
    for (const concurrency of [0, 51]) {
      const { message } = await start('upstreamKeyVerify', { concurrency });
      expect(message).toBe('Takes a number from 1 to 50.');
    }
  });

  test('that meets a limit is inconclusive, and the key goes on working', async () => {
    const { start, ended, gemini, keys, graphql } = await open({ GEMINI_API_KEYS: 'AIzaBusy-0123456789' });
    gemini.answerListsWith(() => exhausted('GenerateRequestsPerMinutePerProjectPerModel-FreeTier', '30s'));
    const { id } = (await start('upstreamKeyVerify', {})).job;
    expect((await ended(id)).rows.nodes).toMatchObject([
      { outcome: 'INCONCLUSIVE', message: expect.stringContaining('quota') },
    ]);
    expect((await keys()).nodes).toMatchObject([{ status: 'ACTIVE' }]);
    expect((await graphql('{ jobs { kind status } }')).jobs).toEqual([
      { kind: 'UPSTREAM_KEY_VERIFY', status: 'SUCCEEDED' },
    ]);
  });
});

test('a check that a restart broke off asks again, and takes no key for unclear because of it', async () => {
  const { start, job, ended, gemini, restart, signIn } = await open({
    GEMINI_API_KEYS: 'AIzaFirst-0123456789,AIzaSecond-0123456789',
  });
  gemini.answerListsWith(({ key }) => (key.includes('Second') ? { hangs: true } : null));
  const { id } = (await start('upstreamKeyVerify', { concurrency: 2 })).job;
  await expect.poll(async () => (await job(id)).counts).toEqual([{ outcome: 'VALID', rows: 1 }]);
  await restart();
  gemini.answerListsWith(() => null);
  await signIn();
  expect(await ended(id)).toMatchObject({ status: 'SUCCEEDED', counts: [{ outcome: 'VALID', rows: 2 }] });
});

describe('many keys', () => {
  async function openWithKeys() {
    const opened = await open();
    const csv = 'key,label,tags,group\nkey-number-1,Ann,x;y,east\nkey-number-2,Bob,x,east\nkey-number-3,,,\n';
    const { job } = await opened.start('upstreamKeyImport', { csv });
    await opened.ended(job.id);
    const labels = async (filter?: string) =>
      (await opened.keys(filter)).nodes.map(({ label }: { label: string }) => label).sort();
    return { ...opened, labels };
  }

  test('are found by state, tag, group and words', async () => {
    const { labels } = await openWithKeys();
    expect(await labels('{tags: ["x"]}')).toEqual(['Ann', 'Bob']);
    expect(await labels('{tags: ["x", "y"]}')).toEqual(['Ann']);
    expect(await labels('{group: "east", search: "bo"}')).toEqual(['Bob']);
    expect(await labels('{group: ""}')).toEqual([null]);
    expect(await labels('{status: [DISABLED]}')).toEqual([]);
  });

  test('are changed by a filter, or not at all when they are not as many as was expected', async () => {
    const { bulk, labels } = await openWithKeys();
    const selection = (count: number) => `selection: {filter: {group: "east"}, expectedCount: ${count}}`;
    expect(await bulk('Disable', `{${selection(3)}}`)).toEqual({
      __typename: 'ConflictError',
      code: 'conflict',
      message: 'These are 2 keys now, not 3. Nothing was done; look again.',
    });
    expect(await labels('{status: [DISABLED]}')).toEqual([]);
    expect(await bulk('Disable', `{${selection(2)}}`)).toMatchObject({ changed: 2 });
    expect(await labels('{status: [DISABLED]}')).toEqual(['Ann', 'Bob']);
    expect(await bulk('Enable', '{selection: {filter: {}}}')).toMatchObject({ changed: 2 });
    expect(await bulk('Tag', '{selection: {filter: {search: "Ann"}}, add: ["z"], remove: ["x"]}')).toMatchObject({
      changed: 1,
    });
    expect(await labels('{tags: ["z", "y"]}')).toEqual(['Ann']);
    expect(await bulk('Move', '{selection: {filter: {tags: ["z"]}}, group: "west"}')).toMatchObject({ changed: 1 });
    expect(await labels('{group: "west"}')).toEqual(['Ann']);
    expect(await bulk('Delete', '{selection: {filter: {group: "west"}}}')).toMatchObject({ changed: 1 });
    expect(await labels()).toEqual(['Bob', null]);
  });

  test('are changed by id, with a result for each, in the order they were named', async () => {
    const { bulk, keys } = await openWithKeys();
    const [first, second] = (await keys()).nodes;
    expect(await bulk('Delete', `{selection: {ids: ["${second.id}", "uk_gone", "${first.id}"]}}`)).toMatchObject({
      changed: 2,
      rows: [
        { id: second.id, outcome: 'CHANGED' },
        { id: 'uk_gone', outcome: 'NOT_FOUND' },
        { id: first.id, outcome: 'CHANGED' },
      ],
    });
  });

  test.each([
    ['Disable', '{selection: {}}'],
    ['Disable', '{selection: {ids: ["x"], filter: {}}}'],
    ['Tag', '{selection: {filter: {}}}'],
    ['Tag', '{selection: {filter: {}}, add: ["a,b"]}'],
    ['Move', `{selection: {filter: {}}, group: "${'g'.repeat(51)}"}`],
  ])('are not changed by %s of %s', async (name, input) => {
    const { bulk } = await openWithKeys();
    expect(await bulk(name, input)).toMatchObject({ __typename: 'InvalidInputError', code: 'invalid_input' });
  });
});

describe('an export', () => {
  const exportOf = (word: string, format: string) =>
    `mutation { result: upstreamKeyExport(input: {selection: {filter: {}}, format: ${format}, password: "${word}"}) {
      ... on UpstreamKeyExportSuccess { content count } ... on Error { code message } } }`;

  test('is behind the password, and told in the ledger before it is handed out', async () => {
    const { graphql, folder } = await open({ GEMINI_API_KEYS: 'AIzaFirst-0123456789' });
    expect((await graphql(exportOf('wrong', 'TEXT'))).result).toEqual({
      code: 'unauthenticated',
      message: 'The password is wrong.',
    });
    expect((await readEvents(folder)).map(({ type }) => type)).not.toContain('UpstreamKeysExported');
    expect((await graphql(exportOf(password, 'TEXT'))).result).toEqual({
      content: 'AIzaFirst-0123456789\n',
      count: 1,
    });
    expect((await graphql(exportOf(password, 'CSV'))).result.content).toBe(
      'key,label,tags,group,project\r\nAIzaFirst-0123456789,,,,\r\n',
    );
    const { auditEntries } = await graphql('{ auditEntries(first: 1) { nodes { type actor } } }');
    expect(auditEntries.nodes).toEqual([{ type: 'UpstreamKeysExported', actor: expect.stringMatching(/^account:/) }]);
  });

  test('slows down who guesses the password', async () => {
    const { graphql } = await open();
    const codes = [];
    for (let count = 0; count < 7; count++) codes.push((await graphql(exportOf('wrong', 'TEXT'))).result.code);
    expect(codes).toEqual([...Array(6).fill('unauthenticated'), 'throttled']);
    expect((await graphql(exportOf(password, 'TEXT'))).result.code).toBe('throttled');
  });

  test('is refused to who is signed in but not the owner', async () => {
    const viewer = { id: 'ac_2', role: 'VIEWER' };
    const contextValue = { viewer, services: {} } as unknown as Context;
    const { data, errors } = await runGraphql({ schema, source: exportOf(password, 'TEXT'), contextValue });
    expect(data?.result).toBeUndefined();
    expect(errors?.map(({ message, extensions }) => [message, extensions.code])).toEqual([
      ['Only the owner may do this.', 'FORBIDDEN'],
    ]);
  });
});
