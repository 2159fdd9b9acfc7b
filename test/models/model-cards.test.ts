import { expect, test } from 'vitest';
import type { GeminiClient } from '../../server/gemini/gemini-client.ts';
import type { ModelCard } from '../../server/gemini/types.ts';
import { createModelCards, readCard } from '../../server/models/model-cards.ts';
import { createPool } from '../../server/pool/pool.ts';

type End = Awaited<ReturnType<GeminiClient['listModels']>>;

const hour = 3_600_000;
const listed = (...ids: string[]): End => ({ kind: 'listed', models: ids.map((id) => ({ name: `models/${id}` })) });
const outage: End = { kind: 'broken', message: 'other side closed' };
const deadKey: End = {
  kind: 'error',
  status: 400,
  text: JSON.stringify({
    error: {
      code: 400,
      status: 'INVALID_ARGUMENT',
      message: 'API key not valid.',
      details: [{ reason: 'API_KEY_INVALID' }],
    },
  }),
};

/** A pool of the given keys; what Google answers to each is set in `lists`. The clock stands still. */
function open(...keyIds: string[]) {
  let nowMs = 1_790_000_000_000;
  const lists: Record<string, End> = {};
  const asked: string[] = [];
  const now = () => nowMs;
  const pool = createPool({ now, random: () => 0, delay: async () => {} });
  const add = (id: string) => pool.add({ id, apiKey: id, maskedKey: id, isEnabled: true, rejection: null });
  for (const id of keyIds) add(id);
  let wake = () => {};
  const gemini = {
    async listModels({ apiKey }: { apiKey: string }): Promise<End> {
      asked.push(apiKey);
      return lists[apiKey] ?? outage;
    },
  };
  const patience = new Promise<void>((resolve) => (wake = resolve));
  const cards = createModelCards({ pool, gemini, now, delay: () => patience });
  return {
    pool,
    add,
    gemini,
    lists,
    asked,
    ids: () => [...cards.all().keys()].sort(),
    freshen: () => cards.freshen(),
    /** The patience for the first list ends. */
    wake: () => wake(),
    later: (ms: number) => (nowMs += ms),
  };
}

/** Lets work go on that nobody waits for. */
const settled = () => new Promise((resolve) => setImmediate(resolve));

test('the first list is waited for; then it is fresh for an hour, and read anew without anybody waiting', async () => {
  const { freshen, ids, lists, asked, later } = open('a');
  lists.a = listed('one');
  await Promise.all([freshen(), freshen()]);
  expect(ids()).toEqual(['one']);
  lists.a = listed('one', 'two');
  later(hour - 1);
  await freshen();
  expect(asked).toEqual(['a']);
  later(1);
  await freshen();
  await settled();
  expect(ids()).toEqual(['one', 'two']);
});

test('Google is waited for with patience only once, and then no more', async () => {
  const { freshen, ids, gemini, wake } = open('a');
  const never = Promise.withResolvers<End>();
  gemini.listModels = () => never.promise;
  const first = freshen();
  expect(await Promise.race([first, settled().then(() => 'waiting')])).toBe('waiting');
  wake();
  await first;
  expect(ids()).toEqual([]);
  await freshen();
  never.resolve(listed('late'));
  await settled();
  expect(ids()).toEqual(['late']);
});

test('cards are the union over keys, a few keys at a time, those first whose list is oldest', async () => {
  const { freshen, ids, lists, asked, later } = open('a', 'b', 'c', 'd');
  for (const key of ['a', 'b', 'c']) lists[key] = listed('common');
  lists.d = listed('common', 'only-d');
  await freshen();
  await settled();
  expect([ids(), asked]).toEqual([['common'], ['a', 'b', 'c']]);
  later(hour);
  await freshen();
  await settled();
  expect([ids(), asked.slice(3)]).toEqual([
    ['common', 'only-d'],
    ['d', 'a', 'b'],
  ]);
});

test('a model goes when no key of the pool sees it any more', async () => {
  const { freshen, ids, lists, later, pool } = open('a', 'b');
  lists.a = listed('one', 'only-a');
  lists.b = listed('one', 'only-b');
  await freshen();
  await settled();
  expect(ids()).toEqual(['one', 'only-a', 'only-b']);
  lists.a = listed('one');
  pool.remove('b');
  later(hour);
  await freshen();
  await settled();
  expect(ids()).toEqual(['one']);
});

test('an old list is served while Google is down, which is tried again after a minute', async () => {
  const { freshen, ids, lists, asked, later } = open('a');
  lists.a = listed('one');
  await freshen();
  lists.a = outage;
  later(hour);
  await freshen();
  await settled();
  await freshen();
  expect([ids(), asked.length]).toEqual([['one'], 2]);
  later(60_000);
  await freshen();
  expect(asked).toHaveLength(3);
});

test('a dead key is told to the pool and passed over', async () => {
  const { freshen, ids, lists, pool, asked, later } = open('a', 'b');
  lists.a = deadKey;
  lists.b = listed('one');
  await freshen();
  expect(ids()).toEqual(['one']);
  expect(pool.get('a')?.rejection).toMatchObject({ reason: 'key_dead' });
  await settled();
  later(hour);
  await freshen();
  expect(asked).toEqual(['a', 'b', 'b']);
});

test('a key that joins the pool is asked at the next occasion', async () => {
  const { freshen, ids, lists, add } = open();
  await freshen();
  lists.a = listed('one');
  add('a');
  await freshen();
  lists.b = listed('one', 'two');
  add('b');
  await freshen();
  await settled();
  expect(ids()).toEqual(['one', 'two']);
});

test('a card is taken without the fields that are not what they should be', () => {
  const card = {
    name: 'models/x',
    displayName: '',
    description: null,
    inputTokenLimit: '9',
    outputTokenLimit: 0,
    supportedGenerationMethods: 'generateContent',
    thinking: 1,
    topK: 64,
  };
  expect(readCard(card)).toEqual({ name: 'models/x', topK: 64 });
  const whole: ModelCard = { name: 'models/x', displayName: 'X', inputTokenLimit: 9, thinking: false };
  expect(readCard(whole)).toEqual(whole);
});

test.each([null, 'models/x', {}, { name: 7 }, { name: 'models/../x' }, { name: 'tunedModels/x' }])(
  'what names no model is no card: %j',
  (value) => {
    expect(readCard(value)).toBeNull();
  },
);
