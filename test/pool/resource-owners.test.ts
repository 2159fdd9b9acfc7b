import { join } from 'node:path';
import { expect, test } from 'vitest';
import { ResourceOwner } from '../../server/pool/resource-owner.entity.ts';
import { loadResourceOwners } from '../../server/pool/resource-owners.ts';
import { openTestLedger } from '../support/ledger.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';

const noon = Date.parse('2026-11-24T12:00:00Z');
const dayMs = 24 * 3_600_000;
const owner = { upstreamKeyId: 'uk_1', clientKeyId: 'ck_1' };

/** The owners over the real writer, with a clock that can be moved. */
async function openOwners(file = join(temporaryFolder(), 'pool.db'), at = noon) {
  const { writer, orm, close } = await openTestLedger(file);
  const clock = { at };
  const owners = await loadResourceOwners({ execute: writer.execute, orm, now: () => clock.at });
  const stored = async () => (await orm.em.fork().findAll(ResourceOwner, { orderBy: { name: 'asc' } })).map(nameOf);
  return { file, owners, clock, stored, close };
}

const nameOf = ({ name }: { name: string }) => name;
const made = ['cachedContents/c', 'fileSearchStores/s', 'files/f', 'interactions/i'];

test.each([
  [59, made],
  [61, ['cachedContents/c', 'fileSearchStores/s']],
  [401, ['fileSearchStores/s']],
  [10_000, ['fileSearchStores/s']],
])('after %i days it is known who made %j, also after a restart', async (days, known) => {
  const { file, owners, clock, stored, close } = await openOwners();
  for (const name of made) await owners.add(name, owner);
  clock.at += days * dayMs;
  // What is added forgets what is old.
  await owners.add('files/later', owner);
  expect(await stored()).toEqual([...known, 'files/later'].sort());
  await close();
  const again = await openOwners(file, clock.at);
  expect(again.owners.ofClient('ck_1').sort()).toEqual([...known, 'files/later'].sort());
  expect(again.owners.find('fileSearchStores/s')).toEqual(owner);
});

test('what is old is not read either when nothing was added since', async () => {
  const { file, owners, clock, close } = await openOwners();
  for (const name of made) await owners.add(name, owner);
  await close();
  const again = await openOwners(file, clock.at + 61 * dayMs);
  expect(again.owners.ofClient('ck_1')).toEqual(['fileSearchStores/s', 'cachedContents/c']);
});

test('the newest come first, and what is removed is forgotten for good', async () => {
  const { file, owners, clock, close } = await openOwners();
  for (const name of made) {
    clock.at++;
    await owners.add(name, owner);
  }
  await owners.add('files/theirs', { ...owner, clientKeyId: 'ck_2' });
  await owners.remove('files/f');
  const left = ['interactions/i', 'fileSearchStores/s', 'cachedContents/c'];
  expect(owners.ofClient('ck_1')).toEqual(left);
  await close();
  expect((await openOwners(file, clock.at)).owners.ofClient('ck_1')).toEqual(left);
});
