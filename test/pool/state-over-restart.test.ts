import { expect, test } from 'vitest';
import { nextPacificMidnight } from '../../server/pool/pacific-midnight.ts';
import { startTestGateway } from '../support/gateway.ts';
import { exhausted, failure } from '../support/gemini-failures.ts';

const model = 'gemini-3.8-flash';
const fields = `maskedKey status project cooldownUntil lastFailure cooldowns { model until reason } quotas { model kind limit used }`;

async function start(settings: Record<string, string> = {}) {
  const gateway = await startTestGateway({ GEMINI_API_KEYS: 'AIzaOnly-0123456789', ...settings });
  const openai = await gateway.openai();
  const ask = () =>
    openai.chat.completions.create({ model, messages: [{ role: 'user', content: 'x' }] }).then(
      () => 200,
      ({ status }: { status: number }) => status,
    );
  const keys = async () => (await gateway.graphql(`{ upstreamKeys { nodes { ${fields} } } }`)).upstreamKeys.nodes;
  const audit = async (type: string) => {
    const { auditEntries } = await gateway.graphql('{ auditEntries(first: 50) { nodes { type body } } }');
    return auditEntries.nodes.filter((entry: { type: string }) => entry.type === type);
  };
  const restart = async () => {
    await gateway.restart();
    await gateway.signIn();
  };
  return { ...gateway, ask, keys, audit, restart };
}

test('a key whose day is spent is out until midnight in California, after a restart too', async () => {
  const { ask, keys, restart, gemini, audit, verifyLedger } = await start();
  expect(await ask()).toBe(200);
  gemini.answerWith(() => ({ json: exhausted({ per: 'day', limit: 20 }), status: 429 }));
  expect(await ask()).toBe(429);
  await expect.poll(() => audit('UpstreamKeyRested')).toHaveLength(1);
  const until = new Date(nextPacificMidnight(Date.now())).toISOString();
  const spent = { status: 'EXHAUSTED', cooldownUntil: until, cooldowns: [{ model, until, reason: 'key_model_day' }] };
  expect(await keys()).toMatchObject([spent]);
  await restart();
  const quotas = [
    { model, kind: 'REQUESTS_PER_MINUTE', limit: 20, used: 0 },
    { model, kind: 'REQUESTS_PER_DAY', limit: 20, used: 1 },
  ];
  expect(await keys()).toMatchObject([{ cooldowns: spent.cooldowns, lastFailure: 'key_model_day', quotas }]);
  expect(await ask()).toBe(429);
  expect(gemini.generations()).toHaveLength(2);
  const [rested] = await audit('UpstreamKeyRested');
  expect(JSON.parse(rested.body)).toMatchObject({
    model,
    failure: 'key_model_day',
    httpStatus: 429,
    until: Date.parse(until),
  });
  const [learned] = await audit('UpstreamQuotasLearned');
  expect(JSON.parse(learned.body)).toMatchObject({ model, limits: [{ limit: 20 }, { limit: 20 }] });
  expect(await verifyLedger()).toMatchObject({ isSound: true });
});

test('the project that Google names is known from then on, and its keys share what is known', async () => {
  const { ask, keys, restart, gemini, graphql } = await start({
    GEMINI_API_KEYS: 'AIzaFirst-0123456789,AIzaSecond-0123456789',
  });
  const details = [
    {
      '@type': 'type.googleapis.com/google.rpc.ErrorInfo',
      reason: 'SERVICE_DISABLED',
      metadata: { consumer: 'projects/12345678' },
    },
  ];
  gemini.answerWith(({ key }) =>
    key.includes('First')
      ? { json: failure(403, 'PERMISSION_DENIED', 'Generative Language API has not been used.', details), status: 403 }
      : null,
  );
  expect(await ask()).toBe(200);
  await expect.poll(keys).toMatchObject([{ project: 'projects/12345678', status: 'REJECTED' }, { project: null }]);
  await graphql(
    `mutation { upstreamKeyBulkAssignProject(input: {selection: {filter: {status: [ACTIVE]}}, project: "mine"}) { __typename } }`,
  );
  await restart();
  expect(await keys()).toMatchObject([{ project: 'projects/12345678' }, { project: 'mine' }]);
});

test('people can see which key a request would get, and what keeps each of the others back', async () => {
  const { ask, graphql, gemini } = await start({ GEMINI_API_KEYS: 'AIzaFirst-0123456789,AIzaSecond-0123456789' });
  gemini.answerWith(({ key }) => (key.includes('First') ? { json: exhausted({ per: 'day' }), status: 429 } : null));
  expect(await ask()).toBe(200);
  const choice = () =>
    graphql(`{ upstreamKeyChoice(model: "${model}") {
      chosen { maskedKey } strategy freeCount waiting obstacles { upstreamKey { maskedKey } reason until }
    } }`).then((data) => data.upstreamKeyChoice);
  expect(await choice()).toEqual({
    chosen: { maskedKey: 'AIza…6789' },
    strategy: 'least-used',
    freeCount: 1,
    waiting: 0,
    obstacles: [
      {
        upstreamKey: { maskedKey: 'AIza…6789' },
        reason: 'key_model_day',
        until: new Date(nextPacificMidnight(Date.now())).toISOString(),
      },
    ],
  });
  await graphql(`mutation { upstreamKeyBulkDisable(input: {selection: {filter: {}}}) { __typename } }`);
  expect(await choice()).toMatchObject({
    chosen: null,
    freeCount: 0,
    obstacles: [{ reason: 'disabled' }, { reason: 'disabled' }],
  });
  expect((await graphql('{ projectProposals { upstreamKeys { id } } }')).projectProposals).toEqual([]);
});

test('what clients make up as names of models is no state of a key that would be kept', async () => {
  const { openai, gemini, keys, audit, graphql } = await start();
  const missing = failure(
    404,
    'NOT_FOUND',
    'models/x is not found for API version v1beta, or is not supported for generateContent.',
  );
  gemini.answerWith(() => ({ json: missing, status: 404 }));
  const client = await openai();
  for (const name of ['made-up-1', 'made-up-2'])
    await client.chat.completions.create({ model: name, messages: [{ role: 'user', content: 'x' }] }).catch(() => {});
  expect(await keys()).toMatchObject([{ cooldowns: [{ model: 'made-up-1' }, { model: 'made-up-2' }] }]);
  expect(await audit('UpstreamKeyRested')).toEqual([]);
  const { requests } = await graphql('{ requests(first: 1) { nodes { attempts { failure } } } }');
  expect(requests.nodes).toEqual([{ attempts: [{ failure: 'model_not_found' }] }]);
});
