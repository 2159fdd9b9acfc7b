import { createClient } from 'graphql-ws';
import { describe, expect, onTestFinished, test } from 'vitest';
import WebSocket from 'ws';
import { startTestGateway } from '../support/gateway.ts';

/** The dashboard's connection. */
function connect(url: string, token: string) {
  const client = createClient({
    url: `${url.replace('http', 'ws')}/graphql`,
    webSocketImpl: WebSocket,
    connectionParams: { token },
    retryAttempts: 0,
  });
  onTestFinished(async () => {
    await client.dispose();
  });
  return client;
}

/** The first value of a subscription that is good enough. */
async function firstOf<Data>(
  client: ReturnType<typeof connect>,
  query: string,
  isGood: (data: Data) => boolean,
): Promise<Data> {
  for await (const { data, errors } of client.iterate<Data>({ query })) {
    if (errors) throw errors[0];
    if (data && isGood(data)) return data;
  }
  throw new Error('The subscription ended.');
}

describe('subscriptions over a WebSocket', () => {
  test('are for who is signed in', async () => {
    const { url } = await startTestGateway();
    const client = connect(url, 'no token');
    await expect(firstOf(client, 'subscription { liveStatsUpdated { at } }', () => true)).rejects.toMatchObject({
      code: 4403,
    });
  });

  test('tell of a request, of the live figures, and of the pool', async () => {
    const { url, openai, graphql } = await startTestGateway();
    const openaiClient = await openai();
    const client = connect(url, graphql.token);
    type Update = { requestUpdated: { outcome: string; clientKey: { name: string } } };
    const ended = firstOf<Update>(
      client,
      'subscription { requestUpdated { outcome clientKey { name } } }',
      ({ requestUpdated }) => requestUpdated.outcome !== 'IN_PROGRESS',
    );
    type Pool = { upstreamKeysUpdated: { status: string; isDeleted: boolean; source: string }[] };
    const pool = await firstOf<Pool>(
      client,
      'subscription { upstreamKeysUpdated { status isDeleted source } }',
      () => true,
    );
    expect(pool.upstreamKeysUpdated).toEqual(
      Array(2).fill({ status: 'ACTIVE', isDeleted: false, source: 'ENVIRONMENT' }),
    );
    await openaiClient.chat.completions.create({
      model: 'gemini-3.8-flash',
      messages: [{ role: 'user', content: 'x' }],
    });
    expect((await ended).requestUpdated).toEqual({ outcome: 'SUCCEEDED', clientKey: { name: 'test' } });
    type Stats = { liveStatsUpdated: { requestsPerMinute: number; keys: { active: number } } };
    const live = await firstOf<Stats>(
      client,
      'subscription { liveStatsUpdated { requestsPerMinute keys { active } } }',
      () => true,
    );
    expect(live.liveStatsUpdated).toEqual({ requestsPerMinute: 1, keys: { active: 2 } });
  });

  test('tell of the pool all keys at first, then those that changed or are gone', async () => {
    const { url, signIn, graphql } = await startTestGateway();
    await signIn();
    const client = connect(url, graphql.token);
    type Pool = { upstreamKeysUpdated: { id: string; status: string; isDeleted: boolean }[] };
    const messages: Pool['upstreamKeysUpdated'][] = [];
    const done = firstOf<Pool>(client, 'subscription { upstreamKeysUpdated { id status isDeleted } }', (pool) => {
      messages.push(pool.upstreamKeysUpdated);
      return messages.length === 3;
    });
    await expect.poll(() => messages.length).toBe(1);
    const [first, second] = (messages[0] ?? []).map(({ id }) => id);
    await graphql(`mutation { upstreamKeyUpdate(input: {id: "${second}", isEnabled: false}) { __typename } }`);
    await expect.poll(() => messages.length, { timeout: 5000 }).toBe(2);
    await graphql(`mutation { upstreamKeyDelete(input: {id: "${first}"}) { __typename } }`);
    await done;
    expect(messages).toEqual([
      [
        { id: first, status: 'ACTIVE', isDeleted: false },
        { id: second, status: 'ACTIVE', isDeleted: false },
      ],
      [{ id: second, status: 'DISABLED', isDeleted: false }],
      [{ id: first, status: 'DISABLED', isDeleted: true }],
    ]);
  });

  test('are refused when their session was revoked', async () => {
    const { url, graphql, signIn } = await startTestGateway();
    await signIn();
    const { token } = graphql;
    await graphql('mutation { sessionRevoke { isRevoked } }');
    const late = firstOf(connect(url, token), 'subscription { liveStatsUpdated { at } }', () => true);
    await expect(late).rejects.toMatchObject({ code: 4403 });
  });
});

describe('jobs', () => {
  test('add the keys in a pasted text, with a result for each', async () => {
    const { url, graphql, signIn } = await startTestGateway();
    await signIn();
    const fresh = `AIza${'z'.repeat(35)}`;
    const { upstreamKeyImport } = await graphql(
      `mutation ($text: String!) { upstreamKeyImport(input: {text: $text}) { __typename ... on JobStartSuccess { job { id } } } }`,
      { text: `my keys:\n${fresh}\n${fresh}` },
    );
    const { id } = upstreamKeyImport.job;
    type Row = { outcome: string; upstreamKey: { status: string } };
    type Update = { jobUpdated: { status: string; rows: { nodes: Row[] } } };
    const { jobUpdated } = await firstOf<Update>(
      connect(url, graphql.token),
      `subscription { jobUpdated(id: "${id}") { status rows { nodes { outcome upstreamKey { status } } } } }`,
      (update) => update.jobUpdated.status !== 'RUNNING',
    );
    expect(jobUpdated).toEqual({
      status: 'SUCCEEDED',
      rows: {
        nodes: [
          { outcome: 'ADDED', upstreamKey: { status: 'ACTIVE' } },
          { outcome: 'DUPLICATE', upstreamKey: { status: 'ACTIVE' } },
        ],
      },
    });
    const { upstreamKeys } = await graphql('{ upstreamKeys { totalCount nodes { maskedKey } } }');
    expect(upstreamKeys.totalCount).toBe(3);
    expect(JSON.stringify(upstreamKeys)).not.toContain(fresh);
  });

  test.each([
    '{}',
    '{text: "x", keys: ["y"]}',
    '{text: ""}',
    '{csv: "key,colour\\nx,red"}',
    '{text: "x", tags: ["a,b"]}',
  ])('refuse %s as data', async (input) => {
    const { graphql, signIn } = await startTestGateway();
    await signIn();
    const { upstreamKeyImport } = await graphql(
      `mutation { upstreamKeyImport(input: ${input}) { __typename ... on Error { message } } }`,
    );
    expect(upstreamKeyImport.__typename).toBe('InvalidInputError');
    expect(upstreamKeyImport.message).toMatch(/./);
  });
});

describe('usage', () => {
  test('is told by range, interval and group, and by key', async () => {
    const { graphql, openai } = await startTestGateway();
    const client = await openai();
    await client.chat.completions.create({ model: 'gemini-3.8-flash', messages: [{ role: 'user', content: 'x' }] });
    const { usage, clientKeys, auditEntries } = await graphql(`{
      usage(range: {last: "2h"}, groupBy: MODEL) { total { requests } series { totals { requests } } groups { model totals { requests } } }
      clientKeys { nodes { usage { requests } lastUsedAt } }
      auditEntries(first: 1) { nodes { type } pageInfo { hasNextPage } }
    }`);
    expect(usage.total.requests).toBe(1);
    expect(usage.series.at(-1).totals.requests).toBe(1);
    expect(usage.groups).toEqual([{ model: 'gemini-3.8-flash', totals: { requests: 1 } }]);
    expect(clientKeys.nodes).toEqual([{ usage: { requests: 1 }, lastUsedAt: expect.stringMatching(/Z$/) }]);
    expect(auditEntries).toEqual({ nodes: [{ type: 'ClientKeyCreated' }], pageInfo: { hasNextPage: true } });
  });

  test.each([
    ['{}', 'exactly one'],
    ['{last: "3 weeks"}', '24h'],
    ['{from: "2026-01-02T00:00:00Z", to: "2026-01-01T00:00:00Z"}', 'before it begins'],
  ])('of the range %s is refused with a sentence', async (range, message) => {
    const { graphql, signIn } = await startTestGateway();
    await signIn();
    await expect(graphql(`{ usage(range: ${range}) { total { requests } } }`)).rejects.toThrow(message);
  });
});
