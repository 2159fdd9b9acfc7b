import { expect, test } from 'vitest';
import { canTrace, orderTrial } from './order.ts';

if (!canTrace) console.log('The order of system calls is not looked at: there is no strace here.');

test.skipIf(!canTrace)(
  'no byte goes upstream and no last byte to a client before its event is on the disk',
  async () => {
    const { problems } = await orderTrial({ seed: 1, requests: 500, isTimed: false, tell: () => {} });
    expect(problems).toEqual([]);
  },
  120_000,
);

test.skipIf(!canTrace)(
  'a server that answers before its events are on the disk is found out',
  async () => {
    const { problems } = await orderTrial({
      seed: 1,
      requests: 30,
      isTimed: false,
      bug: 'append without waiting',
      tell: () => {},
    });
    expect(problems.length).toBeGreaterThan(0);
  },
  60_000,
);
