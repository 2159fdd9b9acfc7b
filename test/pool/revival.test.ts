import { expect, onTestFinished, test } from 'vitest';
import { createGeminiClient } from '../../server/gemini/gemini-client.ts';
import { createPool } from '../../server/pool/pool.ts';
import { dueKeys, startRevival } from '../../server/pool/revival.ts';
import { failure } from '../support/gemini-failures.ts';
import { startSimulatedGemini } from '../support/simulated-gemini.ts';

const hour = 3_600_000;
const rejection = (untilMs: number | null) => ({ untilMs, reason: 'key_dead' as const, message: 'API key not valid.' });

test('keys are due half an hour before their rejection ends, the first to end first, twenty at a time', () => {
  const key = (id: string, untilMs: number | null, isEnabled = true) => ({
    id,
    isEnabled,
    rejection: rejection(untilMs),
  });
  const keys = [
    key('late', 2 * hour),
    key('second', hour + 2),
    key('first', hour + 1),
    key('off', hour, false),
    key('leaked', null),
    { id: 'good', isEnabled: true, rejection: null },
  ];
  expect(dueKeys(keys, hour / 2).map(({ id }) => id)).toEqual([]);
  expect(dueKeys(keys, hour / 2 + 2).map(({ id }) => id)).toEqual(['first', 'second']);
  const many = Array.from({ length: 30 }, (_, index) => key(String(index), hour));
  expect(dueKeys(many, hour)).toHaveLength(20);
});

/** A pool of three rejected keys before a simulated Gemini. */
async function open(says: (apiKey: string) => { status: number; json: unknown } | null) {
  const gemini = await startSimulatedGemini();
  const client = createGeminiClient({ baseUrl: gemini.url, httpsProxy: null, noProxy: null });
  const clock = { now: 0 };
  const now = () => clock.now;
  const pool = createPool({ now, random: () => 0.5, delay: async () => {} });
  for (const id of ['good', 'dead', 'leaked'])
    pool.add({
      id,
      apiKey: `key-${id}`,
      maskedKey: id,
      isEnabled: true,
      rejection: rejection(id === 'leaked' ? null : 24 * hour),
    });
  gemini.answerListsWith(({ key }) => says(key));
  const revival = startRevival({ pool, gemini: client, now });
  onTestFinished(async () => {
    revival.stop();
    await client.close();
  });
  const rejections = () => pool.keys().map((key) => key.rejection?.untilMs ?? (key.rejection ? 'for good' : null));
  return { gemini, pool, clock, revival, rejections };
}

const invalid = {
  status: 400,
  json: failure(400, 'INVALID_ARGUMENT', 'API key not valid. Please pass a valid API key.'),
};

test('a key that Google accepts again is back without any request of a client; one that is still dead stays out', async () => {
  const { gemini, clock, revival, rejections } = await open((key) => (key === 'key-good' ? null : invalid));
  await revival.probeDue();
  expect(gemini.calls).toEqual([]);
  clock.now = 23.6 * hour;
  await revival.probeDue();
  expect(gemini.calls.map(({ method, path, key }) => [method, path, key])).toEqual([
    ['GET', '/v1beta/models?pageSize=1', 'key-good'],
    ['GET', '/v1beta/models?pageSize=1', 'key-dead'],
  ]);
  expect(rejections()).toEqual([null, 47.6 * hour, 'for good']);
  await revival.probeDue();
  expect(gemini.calls).toHaveLength(2);
});

test('a limit or an outage says nothing: the key stays rejected, and is asked about again', async () => {
  const answers = [
    { status: 429, json: failure(429, 'RESOURCE_EXHAUSTED', 'Resource has been exhausted (e.g. check quota).') },
    { status: 503, json: failure(503, 'UNAVAILABLE', 'The service is currently unavailable.') },
  ];
  const { gemini, clock, revival, rejections } = await open(() => answers[gemini.calls.length % 2] ?? null);
  clock.now = 23.6 * hour;
  await revival.probeDue();
  expect(rejections()).toEqual([24 * hour, 24 * hour, 'for good']);
  await revival.probeDue();
  expect(gemini.calls).toHaveLength(4);
});
