import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { openDatabase } from '../../server/database.ts';
import { entities } from '../../server/entities.ts';
import { matchesPattern } from '../../server/models/model-pattern.ts';
import { capsOf, type QuotaRule } from '../../server/pool/quota-rules.ts';
import { UpstreamKey } from '../../server/pool/upstream-key.entity.ts';
import { startTestGateway, withoutPauses } from '../support/gateway.ts';
import { readEvents } from '../support/ledger.ts';
import { startProxy } from '../support/proxy.ts';

const model = 'gemini-3.8-flash';
const keysSetting = { GEMINI_API_KEYS: 'AIzaFirst-0123456789,AIzaSecond-0123456789' };

async function start(settings: Record<string, string> = {}) {
  const log: string[] = [];
  const gateway = await startTestGateway(
    { ...keysSetting, ...settings },
    { ...withoutPauses, log: (line) => log.push(line) },
  );
  const { graphql, gemini } = gateway;
  const openai = await gateway.openai();
  const ask = () =>
    openai.chat.completions.create({ model, messages: [{ role: 'user', content: 'x' }] }).then(
      () => 200,
      ({ status }: { status: number }) => status,
    );
  const keys = async () =>
    (await graphql('{ upstreamKeys { nodes { id group proxy weight connectionsMax isEnabled: status } } }'))
      .upstreamKeys.nodes;
  const mutate = async (name: string, input: object) => {
    const type = `${name.charAt(0).toUpperCase()}${name.slice(1)}Input`;
    const query = `mutation ($input: ${type}!) { result: ${name}(input: $input) { __typename ... on InvalidInputError { fields { path } } } }`;
    return (await graphql(query, { input })).result;
  };
  const usedKeys = () => gemini.generations().map(({ key }) => (key.includes('First') ? 'first' : 'second'));
  const [first, second] = (await keys()).map(({ id }: { id: string }) => id);
  return { ...gateway, log, ask, keys, mutate, usedKeys, first, second };
}

/** The keys as they are kept. @param folder DATA_DIR. */
async function readRows(folder: string): Promise<UpstreamKey[]> {
  const orm = await openDatabase(join(folder, 'gemini-pool.db'), entities, 'read');
  try {
    return await orm.em.fork().find(UpstreamKey, {}, { orderBy: { id: 'asc' } });
  } finally {
    await orm.close();
  }
}

describe('a proxy', () => {
  test("of a key takes that key's calls and none other, at once and after a restart; its password is nowhere to be seen", async () => {
    const proxy = await startProxy();
    const { ask, keys, mutate, first, usedKeys, restart, signIn, graphql, gemini, log } = await start();
    expect(await mutate('upstreamKeyUpdate', { id: first, proxyUrl: proxy.url })).toEqual({
      __typename: 'UpstreamKeyUpdateSuccess',
    });
    for (let count = 0; count < 4; count++) expect(await ask()).toBe(200);
    expect(usedKeys().sort()).toEqual(['first', 'first', 'second', 'second']);
    expect(proxy.tunnels).toEqual([new URL(gemini.url).host]);
    expect(await keys()).toMatchObject([{ proxy: `http://${proxy.host}` }, { proxy: null }]);
    await restart();
    await signIn();
    await ask();
    await ask();
    expect(proxy.tunnels).toHaveLength(2);
    const shown = JSON.stringify([await keys(), await graphql('{ auditEntries { nodes { body } } }'), log]);
    expect(shown).toContain(proxy.host);
    expect(shown).not.toMatch(/pass|me:/);
    await mutate('upstreamKeyUpdate', { id: first, proxyUrl: null });
    await ask();
    await ask();
    expect(proxy.tunnels).toHaveLength(2);
  });

  test('of a group takes the calls of its keys that have none of their own, also of those that come into it', async () => {
    const [ofGroup, own] = [await startProxy(), await startProxy('you:other')];
    const { ask, mutate, first, second, restart, signIn, graphql, folder } = await start();
    const selection = { ids: [first, second] };
    await mutate('upstreamKeyGroupUpdate', { group: ' far ', proxyUrl: ofGroup.url });
    await mutate('upstreamKeyBulkMove', { selection, group: 'far' });
    await mutate('upstreamKeyUpdate', { id: second, proxyUrl: own.url });
    await ask();
    await ask();
    expect([ofGroup.tunnels.length, own.tunnels.length]).toEqual([1, 1]);
    await restart();
    await signIn();
    await ask();
    await ask();
    expect([ofGroup.tunnels.length, own.tunnels.length]).toEqual([2, 2]);
    await mutate('upstreamKeyBulkMove', { selection, group: null });
    await ask();
    await ask();
    expect(ofGroup.tunnels).toHaveLength(2);
    const groups = async () => (await graphql('{ upstreamKeyGroups { name proxy keyCount } }')).upstreamKeyGroups;
    expect(await groups()).toEqual([{ name: 'far', proxy: `http://${ofGroup.host}`, keyCount: 0 }]);
    await mutate('upstreamKeyGroupUpdate', { group: 'far', proxyUrl: null });
    expect(await groups()).toEqual([]);
    const bodies = (await readEvents(folder)).filter(({ type }) => type === 'UpstreamKeyGroupUpdated');
    expect(bodies).toMatchObject([
      { group: 'far', proxy: `http://${ofGroup.host}` },
      { group: 'far', proxy: null },
    ]);
  });

  test('is wiped with its key, and the ledger tells when it was set and taken off', async () => {
    const { mutate, first, second, folder, graphql } = await start();
    const [proxyUrl, shown] = ['http://me:secret-word@host:3128', 'http://host:3128'];
    for (const id of [first, second]) await mutate('upstreamKeyUpdate', { id, proxyUrl });
    await mutate('upstreamKeyUpdate', { id: first, weight: 2 });
    const sealed = () => readRows(folder).then((rows) => rows.map(({ proxy }) => proxy));
    expect(await sealed()).toEqual([expect.stringMatching(/^[\w+/=]+$/), expect.stringMatching(/^[\w+/=]+$/)]);
    await graphql(`mutation { upstreamKeyDelete(input: {id: "${first}"}) { __typename } }`);
    await mutate('upstreamKeyUpdate', { id: second, proxyUrl: null });
    expect(await sealed()).toEqual([null, null]);
    await mutate('upstreamKeyUpdate', { id: second, proxyUrl });
    await mutate('upstreamKeyBulkDelete', { selection: { ids: [second] } });
    expect(await sealed()).toEqual([null, null]);
    const events = (await readEvents(folder)).filter(({ type }) => type === 'UpstreamKeyUpdated');
    expect(events.map((event) => ('proxy' in event ? event.proxy : 'as it was'))).toEqual([
      shown,
      shown,
      'as it was',
      null,
      shown,
    ]);
    expect(JSON.stringify(events)).not.toContain('secret-word');
  });

  test('that refuses is told by its address, and is not held against the key at once', async () => {
    const proxy = await startProxy();
    const { ask, mutate, first, second, graphql, usedKeys } = await start();
    await mutate('upstreamKeyUpdate', { id: first, proxyUrl: `http://me:wrong-word@${proxy.host}` });
    expect(await ask()).toBe(200);
    expect(await ask()).toBe(200);
    expect(usedKeys()).toEqual(['second', 'second']);
    expect(proxy.refused).toBeGreaterThan(0);
    await mutate('upstreamKeyUpdate', { id: second, isEnabled: false });
    expect(await ask()).toBe(502);
    const { requests } = await graphql('{ requests(first: 1) { nodes { error { message } attempts { failure } } } }');
    const [failed] = requests.nodes;
    expect(failed.error.message).toContain(`The proxy http://${proxy.host} wants another name or password (HTTP 407).`);
    expect(failed.error.message).not.toContain('wrong-word');
    expect(failed.attempts[0]).toEqual({ failure: 'transient' });
  });
});

test('a key serves no more calls at a time than it may; who comes then waits', async () => {
  const { ask, mutate, first, second, gemini, app } = await start({ POOL_WAIT_SECONDS: '20' });
  for (const id of [first, second]) await mutate('upstreamKeyUpdate', { id, connectionsMax: 1 });
  const gate = Promise.withResolvers<void>();
  gemini.answerWith(() => ({
    async write(response) {
      await gate.promise;
      response.setHeader('content-type', 'application/json');
      response.end(JSON.stringify({ candidates: [{ content: { parts: [{ text: 'x' }] }, finishReason: 'STOP' }] }));
    },
  }));
  const asked = Array.from({ length: 5 }, ask);
  await expect.poll(() => app.waitingCalls()).toBe(3);
  await expect.poll(() => gemini.generations().length).toBe(2);
  gate.resolve();
  expect(await Promise.all(asked)).toEqual([200, 200, 200, 200, 200]);
});

test('by weight a key gets its part of the requests', async () => {
  const { ask, mutate, second, usedKeys } = await start({ POOL_STRATEGY: 'weighted' });
  await mutate('upstreamKeyUpdate', { id: second, weight: 3 });
  for (let count = 0; count < 8; count++) await ask();
  expect(usedKeys().filter((key) => key === 'second')).toHaveLength(6);
});

describe('a limit that people set', () => {
  const rule = (more: Partial<QuotaRule>): QuotaRule => ({
    upstreamKeyId: null,
    group: null,
    model: null,
    limits: {},
    ...more,
  });

  test('is the smallest of those that fit key, group and model', () => {
    const rules = [
      rule({ limits: { 'requests-per-day': 100 } }),
      rule({ group: 'team', limits: { 'requests-per-day': 50, 'requests-per-minute': 5 } }),
      rule({ model: 'gemini-*-pro', limits: { 'requests-per-day': 10 } }),
      rule({ upstreamKeyId: 'other', limits: { 'requests-per-day': 1 } }),
    ];
    const caps = capsOf(rules, { id: 'k', group: 'team' }, matchesPattern);
    expect(caps?.('gemini-3.8-flash')).toEqual({ 'requests-per-day': 50, 'requests-per-minute': 5 });
    expect(caps?.('gemini-2.5-pro')).toEqual({ 'requests-per-day': 10, 'requests-per-minute': 5 });
    expect(capsOf(rules.slice(1), { id: 'k', group: null }, matchesPattern)?.('gemini-3.8-flash')).toBeNull();
    expect(capsOf([rule({ upstreamKeyId: 'other' })], { id: 'k', group: null }, matchesPattern)).toBeNull();
  });

  test('holds at once and after a restart, and is gone when it is set to nothing', async () => {
    const { ask, mutate, graphql, restart, signIn } = await start();
    expect(await mutate('quotaRuleSet', { model: 'gemini-*', requestsPerDay: 1 })).toEqual({
      __typename: 'QuotaRuleSetSuccess',
    });
    expect([await ask(), await ask(), await ask()]).toEqual([200, 200, 429]);
    await restart();
    await signIn();
    expect(await ask()).toBe(429);
    expect((await graphql('{ quotaRules { model requestsPerDay tokensPerDay } }')).quotaRules).toEqual([
      { model: 'gemini-*', requestsPerDay: 1, tokensPerDay: null },
    ]);
    await mutate('quotaRuleSet', { model: 'gemini-*' });
    expect((await graphql('{ quotaRules { model } }')).quotaRules).toEqual([]);
    expect(await ask()).toBe(200);
  });
});

test('what cannot be set is refused with the field that is wrong', async () => {
  const { mutate, first, keys } = await start();
  const wrong: [string, object, string][] = [
    ['upstreamKeyUpdate', { id: first, proxyUrl: 'nonsense' }, 'proxyUrl'],
    ['upstreamKeyUpdate', { id: first, weight: 0 }, 'weight'],
    ['upstreamKeyUpdate', { id: first, connectionsMax: -1 }, 'connectionsMax'],
    ['upstreamKeyGroupUpdate', { group: ' ', proxyUrl: 'http://host:1' }, 'group'],
    ['upstreamKeyGroupUpdate', { group: 'g', proxyUrl: 'http://host/path' }, 'proxyUrl'],
    ['upstreamKeyGroupUpdate', { group: 'g'.repeat(51), proxyUrl: 'http://host:1' }, 'group'],
    ['quotaRuleSet', { requestsPerDay: 0 }, 'requestsPerDay'],
    ['quotaRuleSet', { upstreamKeyId: 'uk_none', requestsPerDay: 1 }, 'upstreamKeyId'],
    ['quotaRuleSet', { model: 'm'.repeat(300), requestsPerDay: 1 }, 'model'],
  ];
  for (const [mutation, input, field] of wrong)
    expect(await mutate(mutation, input)).toMatchObject({
      __typename: 'InvalidInputError',
      fields: [{ path: [field] }],
    });
  expect(await mutate('upstreamKeyUpdate', { id: 'uk_none', isEnabled: false })).toEqual({
    __typename: 'NotFoundError',
  });
  expect(await keys()).toMatchObject([{ proxy: null, weight: 1, connectionsMax: null }, {}]);
});
