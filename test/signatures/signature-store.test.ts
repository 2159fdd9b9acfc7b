import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { connectionOf } from '../../server/database.ts';
import { LedgerUnavailable } from '../../server/ledger/commands.ts';
import {
  ageMsMax,
  bytesMax,
  entriesMax,
  entryBytesMax,
  loadSignatures,
} from '../../server/signatures/signature-store.ts';
import { ThoughtSignature } from '../../server/signatures/thought-signature.entity.ts';
import { openTestLedger } from '../support/ledger.ts';
import { history } from '../support/request-history.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';

const noon = Date.parse('2026-11-24T12:00:00Z');
const model = 'gemini-3.8-flash';
const entry = (key: string, signature = 'U0lH') => ({ key, signature, model });

/** The store over the real writer, with a clock that can be moved. */
async function openStore(file = join(temporaryFolder(), 'pool.db'), at = noon) {
  const { writer, orm, ledger, verify, close } = await openTestLedger(file);
  const clock = { at };
  const errors: Error[] = [];
  const onError = (error: Error) => void errors.push(error);
  const store = await loadSignatures({ execute: writer.execute, orm, now: () => clock.at, onError });
  const stored = async () => {
    // An empty command comes back when all those before it are committed.
    await writer.execute('signature.remember', { entries: [], rememberedAt: 0, oldestRememberedAt: 0 });
    const rows = await orm.em.fork().findAll(ThoughtSignature, { orderBy: { rememberedAt: 'asc', key: 'asc' } });
    return rows.map(({ key }) => key);
  };
  return { file, store, clock, errors, stored, writer, orm, ledger, verify, close };
}

describe('signatures', () => {
  test('can be read as soon as they are remembered, and the last one of a key wins', async () => {
    const { store } = await openStore();
    store.remember([entry('call_1', 'first'), entry('call_2')]);
    store.remember([{ key: 'call_1', signature: 'newer', model: 'gemini-4-argon' }]);
    expect(store.get('call_1')).toEqual({ signature: 'newer', model: 'gemini-4-argon' });
    expect(store.get('call_2')).toEqual({ signature: 'U0lH', model });
    expect(store.get('call_3')).toBeUndefined();
  });

  test('survive a restart, the last one of each key', async () => {
    const first = await openStore();
    first.store.remember([entry('call_1', 'first'), entry('text:hash', 'of a text')]);
    first.store.remember([entry('call_1', 'newer')]);
    await first.close();
    const { store, orm } = await openStore(first.file);
    expect(store.get('call_1')).toEqual({ signature: 'newer', model });
    expect(store.get('text:hash')).toEqual({ signature: 'of a text', model });
    expect(await orm.em.fork().count(ThoughtSignature)).toBe(2);
  });

  test('are on disk when an event that is appended after them is, in the same commit', async () => {
    const { store, ledger, writer, orm } = await openStore();
    await ledger.append(history('req_1').accepted());
    let commits = 0;
    writer.onCommit(() => commits++);
    store.remember([entry('call_1')]);
    await ledger.append(history('req_1').completed());
    expect(await orm.em.fork().findOne(ThoughtSignature, { key: 'call_1' })).toMatchObject({
      signature: 'U0lH',
      model,
    });
    expect(commits).toBe(1);
  });

  test('leave the ledger sound', async () => {
    const { store, ledger, verify } = await openStore();
    store.remember([entry('call_1')]);
    await ledger.append(history('req_1').accepted());
    expect(await verify()).toMatchObject({ isSound: true, eventCount: 1 });
  });

  test('that cannot be stored are told without being quoted, and serve as long as the process lives', async () => {
    const { store, errors, close } = await openStore();
    await close();
    store.remember([entry('call_1', 'opaque')]);
    await expect.poll(() => errors.length).toBe(1);
    expect(errors[0]).toBeInstanceOf(LedgerUnavailable);
    expect(String(errors[0])).not.toContain('opaque');
    expect(store.get('call_1')?.signature).toBe('opaque');
  });
});

describe('what is forgotten', () => {
  test('is what is older than seven days, in memory at once and on disk with the next one', async () => {
    const { store, clock, stored } = await openStore();
    store.remember([entry('old')]);
    clock.at = noon + ageMsMax;
    expect(store.get('old')).toBeDefined();
    clock.at++;
    expect(store.get('old')).toBeUndefined();
    expect(await stored()).toEqual(['old']);
    store.remember([entry('new')]);
    expect(await stored()).toEqual(['new']);
  });

  test('is not read again after a restart when it has become too old meanwhile', async () => {
    const first = await openStore();
    first.store.remember([entry('old')]);
    first.clock.at = noon + 1000;
    first.store.remember([entry('younger')]);
    await first.close();
    const { store } = await openStore(first.file, noon + ageMsMax + 1);
    expect([store.get('old'), store.get('younger')?.signature]).toEqual([undefined, 'U0lH']);
  });

  test('is the oldest of more than fifty thousand, in memory and on disk', async () => {
    const { store, stored } = await openStore();
    const many = (from: number, amount: number) =>
      Array.from({ length: amount }, (_, index) => entry(`call_${from + index}`, 's'));
    store.remember(many(0, 2));
    store.remember(many(2, entriesMax - 2));
    expect(store.get('call_0')).toBeDefined();
    store.remember([entry('call_0', 'again')]);
    expect(store.get('call_1')).toBeDefined();
    store.remember([entry('one more')]);
    expect([store.get('call_0')?.signature, store.get('call_1'), store.get('call_2')?.signature]).toEqual([
      'again',
      undefined,
      's',
    ]);
    const keys = await stored();
    expect(keys).toHaveLength(entriesMax);
    expect(keys).not.toContain('call_1');
    expect(keys.slice(-2)).toEqual(['call_0', 'one more']);
  });

  test('is the oldest when all take more than 64 MiB, also after a restart', async () => {
    const { file, store, stored, close } = await openStore();
    const large = 'x'.repeat(entryBytesMax - 100);
    const fitting = Math.floor(bytesMax / entryBytesMax);
    const keys = Array.from({ length: fitting + 2 }, (_, index) => `call_${index}`);
    for (const key of keys) store.remember([entry(key, large)]);
    const kept = keys.filter((key) => store.get(key) !== undefined);
    expect(kept).toEqual(keys.slice(2));
    expect(await stored()).toEqual(kept);
    await close();
    const again = await openStore(file);
    expect(keys.filter((key) => again.store.get(key) !== undefined)).toEqual(kept);
  });

  test('is a single one that would push out too many others', async () => {
    const { store, stored } = await openStore();
    store.remember([entry('call_1')]);
    store.remember([entry('huge', 'x'.repeat(entryBytesMax + 1)), entry('call_2')]);
    expect([store.get('call_1')?.signature, store.get('huge'), store.get('call_2')?.signature]).toEqual([
      'U0lH',
      undefined,
      'U0lH',
    ]);
    expect(await stored()).toEqual(['call_1', 'call_2']);
  });

  test('is never a newer one because the clock stepped back', async () => {
    const first = await openStore();
    first.store.remember([entry('before')]);
    first.clock.at = noon - 3_600_000;
    first.store.remember([entry('after')]);
    first.store.remember([entry('later')]);
    expect(await first.stored()).toEqual(['before', 'after', 'later']);
    await first.close();
    const { store, stored } = await openStore(first.file, noon - 7_200_000);
    store.remember([entry('last')]);
    expect(await stored()).toEqual(['before', 'after', 'later', 'last']);
  });

  test('is found by an index, not by reading the whole table', async () => {
    const { orm } = await openStore();
    const plan = (await connectionOf(orm))
      .prepare<[], { detail: string }>('explain query plan delete from thought_signature where remembered_at < 1')
      .all();
    expect(plan.map(({ detail }) => detail).join()).toContain('thought_signature_remembered_at');
  });
});
