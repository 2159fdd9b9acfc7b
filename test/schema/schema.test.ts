import { readFileSync } from 'node:fs';
import { gzipSync } from 'node:zlib';
import { printSchema } from 'graphql';
import { describe, expect, test } from 'vitest';
import { schema } from '../../schema/index.ts';
import { createGraphqlCaller, startTestGateway } from '../support/gateway.ts';
import { dataFolderWith } from '../support/ledger.ts';
import { history } from '../support/request-history.ts';

test('the emitted schema is fresh (npm run schema)', () => {
  expect(readFileSync('schema/schema.graphql', 'utf8')).toBe(`${printSchema(schema)}\n`);
});

describe('anonymous callers', () => {
  test('see nothing but setup state and login', async () => {
    const { url } = await startTestGateway();
    const graphql = createGraphqlCaller(url);
    const open = new Set(['setupStatus', 'setupComplete', 'sessionCreate', 'sessionRefresh', 'sessionRevoke']);
    const roots = [
      ['query', schema.getQueryType()],
      ['mutation', schema.getMutationType()],
    ] as const;
    for (const [operation, type] of roots) {
      for (const field of Object.values(type?.getFields() ?? {})) {
        if (open.has(field.name)) continue;
        const needed = field.args.filter((arg) => String(arg.type).endsWith('!'));
        const inputs: Record<string, string> = {
          range: '{preset: TODAY}',
          requestId: '"x"',
          id: '"x"',
          model: '"x"',
          input: inputOf(field.name),
        };
        const args = needed.length > 0 ? `(${needed.map((arg) => `${arg.name}: ${inputs[arg.name]}`).join(', ')})` : '';
        await expect(graphql(`${operation} { ${field.name}${args} { __typename } }`)).rejects.toThrow('Sign in first.');
      }
    }
    expect(await graphql('{ setupStatus { isSetupRequired } }')).toEqual({ setupStatus: { isSetupRequired: false } });
    await expect(graphql('{ __schema { types { name } } }')).rejects.toThrow('introspection');
  });

  function inputOf(field: string): string {
    if (field === 'clientKeyCreate') return '{name: "x"}';
    if (field.startsWith('upstreamKeyBulk')) return '{selection: {ids: ["x"]}}';
    if (field === 'upstreamKeyExport') return '{selection: {ids: ["x"]}, password: "x"}';
    if (field === 'upstreamKeyImport' || field === 'upstreamKeyImportPreview') return '{text: "x"}';
    if (field === 'upstreamKeyVerify' || field === 'quotaRuleSet') return '{}';
    if (field === 'upstreamKeyGroupUpdate') return '{group: "x"}';
    if (field === 'priceSet') return '{model: "x", rates: {input: "1", output: "1"}}';
    if (field === 'usageReprice') return '{model: "x", from: "2026-01-01T00:00:00Z", to: "2026-01-02T00:00:00Z"}';
    return field === 'upstreamKeyUpdate' ? '{id: "x", isEnabled: true}' : '{id: "x"}';
  }

  test('are slowed down after five wrong passwords', async () => {
    const { url } = await startTestGateway();
    const graphql = createGraphqlCaller(url);
    const attempt = async () => {
      const wrong = `mutation { sessionCreate(input: {username: "admin", password: "wrong"}) { __typename ... on Error { code } } }`;
      return (await graphql(wrong)).sessionCreate.code;
    };
    const codes = [];
    for (let count = 0; count < 7; count++) codes.push(await attempt());
    expect(codes).toEqual([...Array(6).fill('unauthenticated'), 'throttled']);
  });
});

test('a body of more than 1 MB is refused, whether it says its length or not', async () => {
  const { url } = await startTestGateway();
  const post = async (body: BodyInit, headers: Record<string, string> = {}) => {
    const init = { method: 'POST', headers: { 'content-type': 'application/json', ...headers }, body, duplex: 'half' };
    const response = await fetch(`${url}/graphql`, init as RequestInit);
    return [response.status, (await response.json()) as unknown];
  };
  const query = '{"query":"{setupStatus{isSetupRequired}}"';
  const answer = { data: { setupStatus: { isSetupRequired: false } } };
  const streamed = (text: string) => new Blob([text]).stream();
  for (const asBody of [String, streamed]) {
    expect(await post(asBody(`${query}}`))).toEqual([200, answer]);
    expect(await post(asBody(`${query},"variables":{"x":"${'x'.repeat(1_000_000)}"}}`))).toMatchObject([
      413,
      { error: { code: 'request_too_large' } },
    ]);
  }
  expect(await post(new Uint8Array(gzipSync(`${query}}`)), { 'content-encoding': 'gzip' })).toEqual([200, answer]);
  expect(await post('')).toMatchObject([200, { errors: [{ message: expect.stringContaining('query') }] }]);
});

describe('the first run', () => {
  test('takes the setup code once, also when many try at the same time', async () => {
    const { url, app } = await startTestGateway({ ADMIN_PASSWORD: '' });
    const graphql = createGraphqlCaller(url);
    const setup = `mutation ($input: SetupCompleteInput!) { setupComplete(input: $input) { __typename ... on Error { code } } }`;
    const input = { setupCode: app.setupCode, username: 'me', password: 'a-long-password' };
    const wrong = await graphql(setup, { input: { ...input, setupCode: 'nope' } });
    expect(wrong.setupComplete.code).toBe('unauthenticated');
    const tries = await Promise.all(Array.from({ length: 10 }, () => graphql(setup, { input })));
    const names = tries.map(({ setupComplete }) => setupComplete.__typename);
    expect(names.filter((name) => name === 'SessionCreateSuccess')).toHaveLength(1);
  });
});

describe('client keys', () => {
  test('are shown once, renamed, switched off and deleted; history keeps the name', async () => {
    const { graphql, openai, url } = await startTestGateway();
    const client = await openai();
    await client.chat.completions.create({ model: 'gemini-3.8-flash', messages: [{ role: 'user', content: 'x' }] });
    const { clientKeys } = await graphql('{ clientKeys { totalCount nodes { id name prefix lastFour } } }');
    const [{ id }] = clientKeys.nodes;
    expect(JSON.stringify(clientKeys)).not.toContain(client.apiKey);
    const use = async () =>
      (await fetch(`${url}/v1/models`, { headers: { authorization: `Bearer ${client.apiKey}` } })).status;
    const update = (fields: string) =>
      graphql(`mutation { clientKeyUpdate(input: {id: "${id}", ${fields}}) { __typename } }`);
    await update('name: "laptop"');
    await update('isEnabled: false');
    expect(await use()).toBe(401);
    await update('isEnabled: true');
    expect(await use()).toBe(200);
    await graphql(`mutation { clientKeyDelete(input: {id: "${id}"}) { __typename } }`);
    expect(await use()).toBe(401);
    const { requests } = await graphql('{ requests { nodes { clientKey { name isDeleted } } } }');
    expect(requests.nodes[0].clientKey).toEqual({ name: 'laptop', isDeleted: true });
  });

  test('with a bad name or a short own secret are refused as data', async () => {
    const { graphql, signIn } = await startTestGateway();
    await signIn();
    const create = (input: string) =>
      graphql(`mutation { clientKeyCreate(input: ${input}) { ... on InvalidInputError { fields { path } } } }`);
    expect((await create('{name: " "}')).clientKeyCreate.fields).toEqual([{ path: ['name'] }]);
    expect((await create('{name: "x", secret: "short"}')).clientKeyCreate.fields).toEqual([{ path: ['secret'] }]);
    for (const models of ['[]', '["a b"]', '[""]', JSON.stringify(Array(101).fill('x'))]) {
      const { fields } = (await create(`{name: "x", allowedModels: ${models}}`)).clientKeyCreate;
      expect(fields).toEqual([{ path: ['allowedModels'] }]);
    }
  });

  test('with bad terms are refused with the place of what is wrong', async () => {
    const { graphql, signIn } = await startTestGateway();
    await signIn();
    const create = `mutation ($input: ClientKeyCreateInput!) {
      clientKeyCreate(input: $input) { ... on InvalidInputError { fields { path } } }
    }`;
    const good = { unit: 'USD', limit: '1.5', period: 'DAY' };
    const places: [object, string][] = [
      [{ limits: { requestsPerMinute: 1, concurrentRequests: 0 } }, 'limits.concurrentRequests'],
      [{ budgets: [good, { ...good, limit: '0' }] }, 'budgets.1.limit'],
      [{ budgets: [{ ...good, unit: 'TOKENS' }] }, 'budgets.0.limit'],
      [{ budgets: [{ ...good, timeZone: 'Nowhere' }] }, 'budgets.0.timeZone'],
      [{ budgets: [{ ...good, model: 'a b' }] }, 'budgets.0.model'],
      [{ budgets: [good, good] }, 'budgets'],
      [{ allowedAddresses: ['here'] }, 'allowedAddresses'],
      [{ allowedOrigins: ['here'] }, 'allowedOrigins'],
    ];
    for (const [terms, place] of places) {
      const { clientKeyCreate } = await graphql(create, { input: { name: 'x', ...terms } });
      expect(clientKeyCreate.fields).toEqual([{ path: place.split('.') }]);
    }
  });

  test('show the models they are held to; what is left out stays, null lifts it', async () => {
    const { graphql, signIn } = await startTestGateway();
    await signIn();
    const fields = 'clientKey { id name allowedModels }';
    const { clientKeyCreate } = await graphql(
      `mutation { clientKeyCreate(input: {name: "x", allowedModels: ["gemini-3.*"]}) { ... on ClientKeyCreateSuccess { ${fields} } } }`,
    );
    const { id } = clientKeyCreate.clientKey;
    const update = async (input: string) =>
      (
        await graphql(
          `mutation { clientKeyUpdate(input: {id: "${id}", ${input}}) { ... on ClientKeyUpdateSuccess { ${fields} } ... on Error { code } } }`,
        )
      ).clientKeyUpdate;
    expect(clientKeyCreate.clientKey.allowedModels).toEqual(['gemini-3.*']);
    expect((await update('name: "y"')).clientKey).toEqual({ id, name: 'y', allowedModels: ['gemini-3.*'] });
    expect((await update('allowedModels: ["gpt-4o", "claude-*"]')).clientKey.allowedModels).toEqual([
      'gpt-4o',
      'claude-*',
    ]);
    expect((await update('allowedModels: []')).code).toBe('invalid_input');
    expect((await update('allowedModels: null')).clientKey).toEqual({ id, name: 'y', allowedModels: null });
  });
});

test('a bad price is refused with the place of what is wrong', async () => {
  const { graphql, signIn } = await startTestGateway();
  await signIn();
  const set = `mutation ($input: PriceSetInput!) { priceSet(input: $input) { ... on InvalidInputError { fields { path } } } }`;
  const rates = { input: '1', output: '2' };
  const places: [object, string][] = [
    [{ model: 'a b' }, 'model'],
    [{ rates: { ...rates, audioInput: '1e3' } }, 'rates.audioInput'],
    [{ longContextAboveTokens: 5 }, 'longContextRates'],
    [{ longContextAboveTokens: 5, longContextRates: { ...rates, output: '-1' } }, 'longContextRates.output'],
    [
      {
        tiers: [
          { tier: 'flex', percent: 50 },
          { tier: 'batch', percent: 1001 },
        ],
      },
      'tiers.1',
    ],
  ];
  for (const [part, place] of places) {
    const { priceSet } = await graphql(set, { input: { model: 'gemini-x', rates, ...part } });
    expect(priceSet.fields).toEqual([{ path: place.split('.') }]);
  }
});

test('how thought signatures came is told of each request and of all', async () => {
  const [first, second, plain] = [history('req_1'), history('req_2'), history('req_3')];
  const DATA_DIR = await dataFolderWith([
    first.accepted({ client: 4, restored: 0, placeholder: 1 }),
    first.completed(),
    second.accepted({ client: 0, restored: 7, placeholder: 0 }),
    second.aborted(),
    plain.accepted(),
    plain.completed(),
  ]);
  const { graphql, signIn } = await startTestGateway({ DATA_DIR });
  await signIn();
  const counts = 'signatures { client restored placeholder }';
  const { requests, usage } = await graphql(`{
    requests { nodes { requestId ${counts} } }
    usage(range: {preset: ALL_TIME}, groupBy: MODEL) { total { ${counts} } groups { totals { ${counts} } } }
  }`);
  expect(requests.nodes).toEqual([
    { requestId: 'req_3', signatures: { client: 0, restored: 0, placeholder: 0 } },
    { requestId: 'req_2', signatures: { client: 0, restored: 7, placeholder: 0 } },
    { requestId: 'req_1', signatures: { client: 4, restored: 0, placeholder: 1 } },
  ]);
  const all = { signatures: { client: 4, restored: 7, placeholder: 1 } };
  expect(usage).toEqual({ total: all, groups: [{ totals: all }] });
});

test('events are followed from any position by server-sent events', async () => {
  const { graphql, signIn, url } = await startTestGateway();
  await signIn();
  const response = await fetch(`${url}/graphql`, {
    method: 'POST',
    headers: {
      'content-type': 'application/json',
      accept: 'text/event-stream',
      authorization: `Bearer ${graphql.token}`,
    },
    body: JSON.stringify({ query: 'subscription { usageEventAppended(after: 1) { position type } }' }),
  });
  await graphql('mutation { clientKeyCreate(input: {name: "seen"}) { __typename } }');
  let text = '';
  const decoder = new TextDecoder();
  for await (const bytes of response.body as ReadableStream<Uint8Array>) {
    text += decoder.decode(bytes, { stream: true });
    if (text.includes('ClientKeyCreated')) break;
  }
  const positions = [...text.matchAll(/"position":(\d+)/g)].map(([, position]) => Number(position));
  expect(positions).toEqual(Array.from({ length: positions.length }, (_unused, index) => index + 2));
});
