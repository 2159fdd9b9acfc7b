import { expect, test } from 'vitest';
import { Session } from '../../server/admin/session.entity.ts';
import { loadSessions } from '../../server/admin/sessions.ts';
import { openTestLedger } from '../support/ledger.ts';

const minuteMs = 60_000;
const dayMs = 24 * 60 * minuteMs;

async function open() {
  const { writer, orm } = await openTestLedger();
  const clock = { ms: Date.now() };
  /** A start of the server on the same database. */
  const start = () => loadSessions({ execute: writer.execute, orm, now: () => clock.ms });
  return { start, clock, rows: () => orm.em.fork().find(Session, {}) };
}

test('a refresh token is kept as a hash and outlives a restart', async () => {
  const { start, rows } = await open();
  const { id, refreshToken } = await (await start()).open('ac_1');
  expect(JSON.stringify(await rows())).not.toContain(refreshToken?.split('.')[1]);
  const restarted = await start();
  expect(restarted.isOpen(id)).toBe(true);
  expect(await restarted.refresh(refreshToken ?? '')).toMatchObject({ id });
});

test('two tabs may exchange the same refresh token at once; only one new one is made', async () => {
  const { start } = await open();
  const sessions = await start();
  const { id, refreshToken } = await sessions.open('ac_1');
  const both = await Promise.all([sessions.refresh(refreshToken ?? ''), sessions.refresh(refreshToken ?? '')]);
  expect(both.map((session) => session?.id)).toEqual([id, id]);
  expect(both.filter((session) => session?.refreshToken)).toHaveLength(1);
});

test('a refresh token that was exchanged long ago has been stolen: the session ends', async () => {
  const { start, clock } = await open();
  const sessions = await start();
  const { id, refreshToken } = await sessions.open('ac_1');
  const next = await sessions.refresh(refreshToken ?? '');
  clock.ms += minuteMs;
  expect(await sessions.refresh(refreshToken ?? '')).toBeNull();
  expect(sessions.isOpen(id)).toBe(false);
  expect(await sessions.refresh(next?.refreshToken ?? '')).toBeNull();
});

test('a session ends after 30 days without use', async () => {
  const { start, clock } = await open();
  const sessions = await start();
  const { id, refreshToken } = await sessions.open('ac_1');
  clock.ms += 29 * dayMs;
  expect(sessions.isOpen(id)).toBe(true);
  clock.ms += 2 * dayMs;
  expect(sessions.isOpen(id)).toBe(false);
  expect(await sessions.refresh(refreshToken ?? '')).toBeNull();
});

test.each(['', '.', 'se_1', 'se_1.x', `${'x'.repeat(5000)}.y`])('%j is no refresh token', async (text) => {
  const { start } = await open();
  expect(await (await start()).refresh(text)).toBeNull();
});
