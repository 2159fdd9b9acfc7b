import { expect, test } from 'vitest';
import type { NoKey } from '../../server/pool/choose-key.ts';
import { createWaitingLine, type Waiter } from '../../server/pool/waiting-line.ts';
import { createWaitingRoom } from '../../server/pool/waiting-room.ts';

const model = 'm';

/** A room with a clock of its own, before a pool of keys by model that are handed out once. */
function open() {
  const clock = { now: 0 };
  const alarms: { atMs: number; ring: () => void }[] = [];
  const free: Record<string, string[]> = {};
  const earliest: Record<string, number | null> = {};
  const missing = (name: string): NoKey => ({ earliestMs: earliest[name] ?? null, reasons: ['key_model_minute'] });
  const room = createWaitingRoom<{ model: string }, { key: string }>({
    take: (wanted) => {
      const key = free[wanted.model]?.shift();
      return key === undefined ? missing(wanted.model) : { key };
    },
    now: () => clock.now,
    wake: (ms, ring) => alarms.push({ atMs: clock.now + ms, ring }),
  });
  const leavers: (() => void)[] = [];
  const served: string[] = [];
  function join(name: string, { client = 'a', of = model, untilMs = 1000 } = {}) {
    const caller = {
      clientKeyId: client,
      bodyBytes: 100,
      isGone: () => false,
      onGone: (leave: () => void) => leavers.push(leave),
    };
    return room.wait({ model: of }, caller, missing(of), untilMs).then((result) => {
      served.push(result === null ? `${name} left` : 'key' in result ? `${name} ${result.key}` : `${name} none`);
    });
  }
  /** Lets time pass, with all alarms that are due. */
  async function goOn(toMs: number) {
    for (;;) {
      const next = alarms.filter(({ atMs }) => atMs <= toMs).sort((a, b) => a.atMs - b.atMs)[0];
      if (!next) break;
      alarms.splice(alarms.indexOf(next), 1);
      clock.now = Math.max(clock.now, next.atMs);
      next.ring();
    }
    clock.now = toMs;
    await new Promise(setImmediate);
  }
  return { room, clock, free, earliest, served, join, leavers, goOn };
}

test('who waits is served when the first key wakes', async () => {
  const { earliest, free, served, join, goOn } = open();
  earliest[model] = 100;
  void join('one');
  free[model] = ['k1'];
  await goOn(99);
  expect(served).toEqual([]);
  await goOn(100);
  expect(served).toEqual(['one k1']);
});

test('nobody waits for what will not come in time', async () => {
  const { room, earliest, served, join, goOn } = open();
  earliest[model] = 1001;
  await join('one');
  earliest[model] = null;
  await join('two');
  expect(served).toEqual(['one none', 'two none']);
  expect(room.length).toBe(0);
  await goOn(0);
});

test('who waited in vain is sent away when the time is over, or as soon as it is clear', async () => {
  const { room, earliest, served, join, goOn } = open();
  earliest[model] = 900;
  void join('patient', { untilMs: 5000 });
  void join('one');
  await goOn(800);
  expect(room.length).toBe(2);
  // Somebody else got the key: the next one comes too late for one of them.
  earliest[model] = 2000;
  await goOn(900);
  expect(served).toEqual(['one none']);
  earliest[model] = 4990;
  await goOn(5000);
  expect(served).toEqual(['one none', 'patient none']);
});

test('clients are served in turn, however many requests one of them has', async () => {
  const { room, earliest, free, served, join, goOn } = open();
  earliest[model] = 500;
  for (const name of ['a1', 'a2', 'a3']) void join(name, { client: 'a' });
  void join('b1', { client: 'b' });
  void join('c1', { client: 'c' });
  free[model] = ['k1', 'k2', 'k3', 'k4'];
  room.serve();
  await goOn(0);
  expect(served).toEqual(['a1 k1', 'b1 k2', 'c1 k3', 'a2 k4']);
  // And the turn is kept: who was served last is last.
  void join('b2', { client: 'b' });
  free[model] = ['k5', 'k6'];
  room.serve();
  await goOn(0);
  expect(served.slice(4)).toEqual(['a3 k5', 'b2 k6']);
});

test('who waits for another model does not hold up the line', async () => {
  const { earliest, free, served, join, room, goOn } = open();
  Object.assign(earliest, { m: 900, n: 900 });
  void join('one');
  void join('two', { of: 'n' });
  free.n = ['k1'];
  room.serve();
  await goOn(0);
  expect(served).toEqual(['two k1']);
});

test('who needs less is served, and not sent away, although there is no room for who came before', async () => {
  const asked: number[] = [];
  const room = createWaitingRoom<{ model: string; tokens: number; isUncounted?: boolean }, { key: string }>({
    take: ({ tokens, isUncounted }) => {
      asked.push(tokens);
      return isUncounted || tokens <= 100 ? { key: 'k1' } : { earliestMs: 900, reasons: ['key_model_minute'] };
    },
    now: () => 0,
    wake() {},
  });
  const caller = { clientKeyId: 'a', bodyBytes: 100, isGone: () => false, onGone() {} };
  const soon: NoKey = { earliestMs: 0, reasons: ['key_model_minute'] };
  void room.wait({ model, tokens: 5000 }, caller, soon, 1000);
  void room.wait({ model, tokens: 6000 }, caller, soon, 1000);
  // For more than the first one needs nobody is asked in vain.
  expect(asked).toEqual([5000, 5000]);
  expect(await room.wait({ model, tokens: 100 }, caller, soon, 500)).toEqual({ key: 'k1' });
  expect(await room.wait({ model, tokens: 9000, isUncounted: true }, caller, soon, 500)).toEqual({ key: 'k1' });
  expect(room.length).toBe(2);
});

test('who leaves is out of the line', async () => {
  const { room, earliest, free, served, join, leavers, goOn } = open();
  earliest[model] = 100;
  void join('one');
  void join('two');
  leavers[0]?.();
  free[model] = ['k1', 'k2'];
  await goOn(100);
  expect(served).toEqual(['one left', 'two k1']);
  expect(room.length).toBe(0);
});

test('the line has room for 500 requests of a client and 2,000 in all', () => {
  const line = createWaitingLine<Waiter>();
  const joined = (clientKeyId: string) =>
    Array.from({ length: 501 }, () => line.join({ clientKeyId, bodyBytes: 1000 })).filter(Boolean).length;
  expect([joined('a'), joined('b'), joined('c'), joined('d'), joined('e')]).toEqual([500, 500, 500, 500, 0]);
  expect(line.length).toBe(2000);
});

test('the line holds 256 MiB of requests, or one that is longer', () => {
  const line = createWaitingLine<Waiter>();
  const large = { clientKeyId: 'a', bodyBytes: 300 * 1024 * 1024 };
  expect(line.join(large)).toBe(true);
  expect(line.join({ clientKeyId: 'b', bodyBytes: 1 })).toBe(false);
  line.leave(large);
  const halves = [1, 2].map(() => ({ clientKeyId: 'b', bodyBytes: 128 * 1024 * 1024 }));
  expect(halves.map((half) => line.join(half))).toEqual([true, true]);
  expect(line.join({ clientKeyId: 'a', bodyBytes: 1 })).toBe(false);
});
