import { expect, test } from 'vitest';
import { createSignatureStore } from '../../server/signatures/signature-store.ts';

const entry = (key: string, signature: string) => ({ key, signature, model: 'gemini-3.8-flash' });

test('a signature is remembered by its call for a day', () => {
  let now = 0;
  const store = createSignatureStore(() => now);
  store.remember([entry('call_1', 'first'), entry('call_2', 'second')]);
  store.remember([entry('call_1', 'newer')]);
  expect([store.get('call_1'), store.get('call_2'), store.get('call_3')].map((known) => known?.signature)).toEqual([
    'newer',
    'second',
    undefined,
  ]);
  now = 24 * 3_600_000;
  expect(store.get('call_1')?.signature).toBe('newer');
  now++;
  expect(store.get('call_1')).toBeUndefined();
});

test('of ten thousand calls and more, the one that was not used for longest is forgotten', () => {
  const store = createSignatureStore(() => 0);
  for (let number = 0; number < 10_000; number++) store.remember([entry(`call_${number}`, 's')]);
  store.get('call_0');
  store.remember([entry('one more', 's')]);
  expect([store.get('call_0'), store.get('call_1'), store.get('call_2')].map((known) => known?.signature)).toEqual([
    's',
    undefined,
    's',
  ]);
});

test('large signatures take no more than 32 MiB together', () => {
  const store = createSignatureStore(() => 0);
  const mebibyte = 'x'.repeat(1024 * 1024);
  for (let number = 0; number < 40; number++) store.remember([entry(`call_${number}`, mebibyte)]);
  const kept = Array.from({ length: 40 }, (_, number) => store.get(`call_${number}`)).filter(Boolean);
  expect(kept.length).toBeGreaterThan(28);
  expect(kept.length).toBeLessThanOrEqual(32);
});
