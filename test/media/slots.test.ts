import { setImmediate as allSettled } from 'node:timers/promises';
import { expect, test } from 'vitest';
import { createSlots, SlotsFull } from '../../server/media/slots.ts';

const never = new AbortController().signal;

/** A task that ends when told to, and writes down that it started. */
function task(started: string[], name: string) {
  const { promise, resolve } = Promise.withResolvers<string>();
  const run = () => {
    started.push(name);
    return promise;
  };
  return { run, end: () => resolve(name) };
}

test('tasks beyond the limit wait in the order of coming', async () => {
  const started: string[] = [];
  const slots = createSlots(2, 9);
  const tasks = ['a', 'b', 'c', 'd'].map((name) => task(started, name));
  const ends = tasks.map(({ run }) => slots.run(run, never));
  await allSettled();
  expect(started).toEqual(['a', 'b']);
  tasks[1]?.end();
  await ends[1];
  await allSettled();
  expect(started).toEqual(['a', 'b', 'c']);
  for (const { end } of tasks) end();
  await expect(Promise.all(ends)).resolves.toEqual(['a', 'b', 'c', 'd']);
});

test('a failed task gives its slot to the next', async () => {
  const slots = createSlots(1, 1);
  const first = slots.run(() => Promise.reject(new Error('failed')), never);
  const second = slots.run(async () => 'second', never);
  await expect(first).rejects.toThrow('failed');
  await expect(second).resolves.toBe('second');
});

test('one too many is refused at once', async () => {
  const slots = createSlots(1, 1);
  const blocking = task([], 'a');
  const ends = [slots.run(blocking.run, never), slots.run(async () => 'b', never)];
  await expect(slots.run(async () => 'c', never)).rejects.toThrow(SlotsFull);
  blocking.end();
  await expect(Promise.all(ends)).resolves.toEqual(['a', 'b']);
  await expect(slots.run(async () => 'd', never)).resolves.toBe('d');
});

test('an aborted one leaves the queue with the reason and takes no slot with it', async () => {
  const started: string[] = [];
  const slots = createSlots(1, 1);
  const [first, second, third] = ['a', 'b', 'c'].map((name) => task(started, name));
  const firstEnd = slots.run(first?.run as never, never);
  const gone = new AbortController();
  const secondEnd = slots.run(second?.run as never, gone.signal);
  gone.abort(new Error('gone'));
  await expect(secondEnd).rejects.toThrow('gone');
  await expect(slots.run(second?.run as never, gone.signal)).rejects.toThrow('gone');
  const thirdEnd = slots.run(third?.run as never, never);
  first?.end();
  third?.end();
  await expect(Promise.all([firstEnd, thirdEnd])).resolves.toEqual(['a', 'c']);
  expect(started).toEqual(['a', 'c']);
});

test('a slot that was handed over in the moment of the abort is not lost', async () => {
  const slots = createSlots(1, 2);
  const first = task([], 'a');
  const firstEnd = slots.run(first.run, never);
  const gone = new AbortController();
  const secondEnd = slots.run(async () => 'b', gone.signal);
  gone.abort(new Error('gone'));
  first.end();
  await expect(secondEnd).rejects.toThrow('gone');
  await firstEnd;
  await expect(slots.run(async () => 'c', never)).resolves.toBe('c');
});
