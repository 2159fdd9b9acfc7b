import { expect, test } from 'vitest';
import { Throttled } from '../../server/admin/errors.ts';
import { hashPassword, verifyPassword } from '../../server/admin/passwords.ts';

test('knows the right password from a wrong one, and nobody has none', async () => {
  const hash = await hashPassword('correct horse battery');
  expect(hash).toMatch(/^\$argon2id\$v=19\$m=65536,t=3,p=1\$[\w-]{22}\$[\w-]{43}$/);
  expect(await verifyPassword('correct horse battery', hash)).toBe(true);
  expect(await verifyPassword('correct horse batterY', hash)).toBe(false);
  expect(await verifyPassword('', null)).toBe(false);
});

test('salts: the same password has another hash each time', async () => {
  expect(await hashPassword('the same password')).not.toBe(await hashPassword('the same password'));
});

test('a crowd waits or is sent away, and the next one is served', async () => {
  const crowd = await Promise.allSettled(Array.from({ length: 25 }, () => verifyPassword('x', null)));
  const refused = crowd.filter((result) => result.status === 'rejected');
  expect(refused).toHaveLength(7);
  expect(refused.every(({ reason }) => reason instanceof Throttled)).toBe(true);
  expect(await verifyPassword('x', null)).toBe(false);
});
