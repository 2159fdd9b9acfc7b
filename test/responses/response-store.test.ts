import { expect, test } from 'vitest';
import type { StoredResponse } from '../../server/formats/format.ts';
import { createResponseStore } from '../../server/responses/response-store.ts';

const dayMs = 86_400_000;
const megabyte = 1024 * 1024;

function response(id: string, bytes = 100): StoredResponse {
  return { body: { id, output: [{ id: `msg_${id}` }] }, input: [], bytes };
}

test('responses are found by their id, and their items by theirs, for the same client key only', () => {
  const store = createResponseStore(() => 0);
  store.of('key_1').remember(response('a'));
  expect(store.of('key_1').get('a')?.body.id).toBe('a');
  expect(store.of('key_1').item('msg_a')).toEqual({ id: 'msg_a' });
  const other = store.of('key_2');
  expect([other.get('a'), other.item('msg_a'), other.delete('a')]).toEqual([undefined, undefined, false]);
  expect(store.of('key').get('_1 a')).toBeUndefined();
  expect(store.of('key_1').get('a')).toBeDefined();
});

test('a deleted response is gone with its items', () => {
  const client = createResponseStore(() => 0).of('key_1');
  client.remember(response('a'));
  expect(client.delete('a')).toBe(true);
  expect([client.get('a'), client.item('msg_a'), client.delete('a')]).toEqual([undefined, undefined, false]);
});

test('a response is forgotten after a day, used or not', () => {
  let now = 0;
  const client = createResponseStore(() => now).of('key_1');
  client.remember(response('a'));
  now = dayMs;
  expect(client.item('msg_a')).toBeDefined();
  now++;
  expect(client.item('msg_a')).toBeUndefined();
  expect(client.get('a')).toBeUndefined();
});

test('the least recently used go first when there are too many bytes', () => {
  const client = createResponseStore(() => 0).of('key_1');
  for (const id of ['a', 'b', 'c', 'd']) client.remember(response(id, 16 * megabyte));
  client.get('a');
  client.remember(response('e', 1));
  expect(['a', 'b', 'c', 'd', 'e'].filter((id) => client.get(id))).toEqual(['a', 'c', 'd', 'e']);
  expect(client.item('msg_b')).toBeUndefined();
});

test('or too many responses', () => {
  const client = createResponseStore(() => 0).of('key_1');
  for (let number = 0; number <= 10_000; number++) client.remember(response(String(number)));
  expect([client.get('0'), client.get('1')?.body.id]).toEqual([undefined, '1']);
});

test('one that would push out too many others is not kept', () => {
  const client = createResponseStore(() => 0).of('key_1');
  client.remember(response('a', 16 * megabyte + 1));
  expect(client.get('a')).toBeUndefined();
});

test('what is remembered again counts once', () => {
  const client = createResponseStore(() => 0).of('key_1');
  client.remember(response('b', megabyte));
  for (let time = 0; time < 10; time++) client.remember(response('a', 16 * megabyte));
  expect(client.get('b')).toBeDefined();
});
