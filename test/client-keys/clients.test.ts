import { randomBytes } from 'node:crypto';
import { describe, expect, test } from 'vitest';
import { ClientKey } from '../../server/clients/client-key.entity.ts';
import { loadClients, mayUse } from '../../server/clients/clients.ts';
import { noTerms } from '../../server/clients/limits/terms.ts';
import { Refusal } from '../../server/ledger/commands.ts';
import { createVault } from '../../server/secrets/vault.ts';
import { openTestLedger } from '../support/ledger.ts';

const actor = 'account:ac_1';

async function open() {
  const { writer, orm, ledger } = await openTestLedger();
  const parts = { execute: writer.execute, orm, vault: createVault(randomBytes(32)) };
  const row = (id: string) => orm.em.fork().findOneOrFail(ClientKey, { id });
  return { clients: await loadClients(parts), reload: () => loadClients(parts), row, ledger };
}

describe('a client key', () => {
  test('is found by its secret, at once and after a restart', async () => {
    const { clients, reload } = await open();
    const { id, secret } = await clients.create({ name: 'laptop' }, actor);
    const client = { id, name: 'laptop', isEnabled: true, allowedModels: null, terms: noTerms };
    expect(clients.find(secret)).toEqual(client);
    expect((await reload()).find(secret)).toEqual(client);
    expect(clients.find(`${secret}x`)).toBeNull();
    expect(clients.find('')).toBeNull();
  });

  test('is stored without its secret', async () => {
    const { clients, row } = await open();
    const { id, secret } = await clients.create({ name: 'laptop' }, actor);
    const stored = await row(id);
    expect(JSON.stringify(stored)).not.toContain(secret);
    expect(stored).toMatchObject({ prefix: secret.slice(0, 7), lastFour: secret.slice(-4) });
  });

  test('may have a secret of its own, of which less is shown', async () => {
    const { clients, row } = await open();
    const { id, secret } = await clients.create({ name: 'old', secret: 'correct-horse-battery' }, actor);
    expect(secret).toBe('correct-horse-battery');
    expect(clients.find('correct-horse-battery')?.id).toBe(id);
    expect(await row(id)).toMatchObject({ prefix: 'cor', lastFour: 'tery' });
  });

  test('is refused when its secret belongs to another, whose key goes on working', async () => {
    const { clients } = await open();
    const secret = 'correct-horse-battery';
    const made = await Promise.allSettled([
      clients.create({ name: 'first', secret }, actor),
      clients.create({ name: 'second', secret }, actor),
    ]);
    expect(made.map(({ status }) => status)).toEqual(['fulfilled', 'rejected']);
    expect(made[1]).toMatchObject({ reason: { name: 'Refusal', code: 'conflict' } });
    expect(clients.find(secret)?.name).toBe('first');
  });

  test('is renamed and switched off without losing what is not mentioned', async () => {
    const { clients, reload } = await open();
    const { id, secret } = await clients.create({ name: 'laptop' }, actor);
    await clients.update({ id, isEnabled: false }, actor);
    await clients.update({ id, name: 'phone' }, actor);
    expect(clients.find(secret)).toMatchObject({ id, name: 'phone', isEnabled: false, allowedModels: null });
    expect((await reload()).find(secret)).toEqual(clients.find(secret));
  });

  test('may be held to some models, which a later change of its name leaves alone', async () => {
    const { clients, reload, ledger } = await open();
    const allowedModels = ['gemini-3.*', 'gpt-4o'];
    const { id, secret } = await clients.create({ name: 'laptop', allowedModels }, actor);
    await clients.update({ id, name: 'phone' }, actor);
    expect(clients.find(secret)?.allowedModels).toEqual(allowedModels);
    expect((await reload()).find(secret)?.allowedModels).toEqual(allowedModels);
    await clients.update({ id, allowedModels: null }, actor);
    expect(clients.find(secret)?.allowedModels).toBeNull();
    expect((await reload()).find(secret)?.allowedModels).toBeNull();
    const bodies = (await ledger.read(0, 10)).map(({ body }) => body);
    expect(bodies).toMatchObject([{ allowedModels }, { name: 'phone', allowedModels }, { name: 'phone' }]);
    expect(bodies[2]).not.toHaveProperty('allowedModels');
  });

  test.each([
    [null, ['anything'], true],
    [['gpt-4o'], ['gpt-4o', 'gemini-3.8-flash'], true],
    [['gemini-3.*'], ['gpt-4o', 'gemini-3.8-flash'], true],
    [['gemini-3.*'], ['gpt-4o', 'gemini-4-argon'], false],
    [[], ['gemini-3.8-flash'], false],
    [['gemini*'], ['gemini/gemma-4', 'gemma-4'], false],
    [['models/gemini-3.*'], ['gemini-3.8-flash'], true],
  ])('that is held to %j and asks for %j: %s', (allowedModels, names, isAllowed) => {
    expect(mayUse({ allowedModels }, ...names)).toBe(isAllowed);
  });

  test('is gone once deleted, while its name stays and its secret can be used anew', async () => {
    const { clients, reload, row } = await open();
    const secret = 'correct-horse-battery';
    const { id } = await clients.create({ name: 'laptop', secret }, actor);
    expect(clients.find(secret)?.id).toBe(id);
    await clients.delete(id, actor);
    expect(clients.find(secret)).toBeNull();
    expect((await reload()).find(secret)).toBeNull();
    expect(await row(id)).toMatchObject({ name: 'laptop', secretHash: null });
    await expect(clients.update({ id, name: 'again' }, actor)).rejects.toThrow(Refusal);
    await expect(clients.delete(id, actor)).rejects.toMatchObject({ code: 'not_found' });
    const again = await clients.create({ name: 'again', secret }, actor);
    expect(clients.find(secret)?.id).toBe(again.id);
  });

  test('leaves each change in the ledger, with who made it', async () => {
    const { clients, ledger } = await open();
    const { id } = await clients.create({ name: 'laptop' }, actor);
    await clients.update({ id, name: 'phone' }, actor);
    await clients.delete(id, actor);
    const entries = await ledger.read(0, 10);
    expect(entries.map(({ body, actor: who }) => [body.type, who])).toEqual([
      ['ClientKeyCreated', actor],
      ['ClientKeyUpdated', actor],
      ['ClientKeyDeleted', actor],
    ]);
  });
});
