import jwt from 'jsonwebtoken';
import { describe, expect, test } from 'vitest';
import { Account } from '../../server/admin/account.entity.ts';
import { loadAdmin } from '../../server/admin/admin.ts';
import { InvalidInput, Throttled, Unauthenticated } from '../../server/admin/errors.ts';
import { openTestLedger } from '../support/ledger.ts';

const jwtSecret = 'a secret of the test, long enough';
const address = '192.0.2.1';
const username = 'admin';
const password = 'correct horse battery';

async function open() {
  const { writer, orm, ledger } = await openTestLedger();
  const clock = { ms: Date.now() };
  /** A start of the server on the same database. */
  const start = (environmentPassword: string | null = null, name = username) =>
    loadAdmin({
      execute: writer.execute,
      orm,
      jwtSecret,
      owner: { username: name, password: environmentPassword },
      now: () => clock.ms,
    });
  return { start, clock, ledger, accounts: () => orm.em.fork().find(Account, {}) };
}

describe('the first run', () => {
  test('takes the code of the log once, and signs the owner in', async () => {
    const { start, accounts } = await open();
    const admin = await start();
    const setupCode = admin.setupCode() ?? '';
    const session = await admin.setupComplete({ setupCode: ` ${setupCode}\n`, username, password }, address);
    expect(admin.verifyToken(session.token)).toMatchObject({ username, role: 'OWNER' });
    expect(admin.setupCode()).toBeNull();
    const again = admin.setupComplete({ setupCode, username: 'other', password }, address);
    await expect(again).rejects.toMatchObject({ code: 'conflict' });
    expect(await accounts()).toHaveLength(1);
    expect((await start()).setupCode()).toBeNull();
  });

  test('creates exactly one owner, however many try at once', async () => {
    const { start, accounts } = await open();
    const admin = await start();
    const setupCode = admin.setupCode() ?? '';
    const tries = Array.from({ length: 50 }, (_, index) =>
      admin.setupComplete({ setupCode, username: `owner-${index}`, password }, address),
    );
    const results = await Promise.allSettled(tries);
    expect(results.filter(({ status }) => status === 'fulfilled')).toHaveLength(1);
    expect(await accounts()).toHaveLength(1);
  });

  test('refuses another code, and slows down who goes on trying', async () => {
    const { start } = await open();
    const admin = await start();
    const guess = () => admin.setupComplete({ setupCode: 'guess', username, password }, address);
    for (let count = 0; count < 6; count++) await expect(guess()).rejects.toThrow(Unauthenticated);
    await expect(guess()).rejects.toThrow(Throttled);
  });

  test('refuses the code after half an hour', async () => {
    const { start, clock } = await open();
    const admin = await start();
    const setupCode = admin.setupCode() ?? '';
    clock.ms += 31 * 60_000;
    const late = admin.setupComplete({ setupCode, username, password }, address);
    await expect(late).rejects.toThrow('no longer valid');
  });

  test.each([
    ['a short password', username, 'eleven char', 'password'],
    ['a long password', username, 'x'.repeat(129), 'password'],
    ['a name with a space', 'ad min', password, 'username'],
    ['no name', '', password, 'username'],
  ])('refuses %s and leaves the code valid', async (_what, name, chosen, field) => {
    const { start } = await open();
    const admin = await start();
    const setupCode = admin.setupCode() ?? '';
    const refused = admin.setupComplete({ setupCode, username: name, password: chosen }, address);
    await expect(refused).rejects.toThrow(InvalidInput);
    await expect(refused).rejects.toMatchObject({ fields: [{ path: [field] }] });
    await admin.setupComplete({ setupCode, username, password }, address);
  });
});

describe('signing in', () => {
  test('works with the right name, in any case, and password only', async () => {
    const { start } = await open();
    const admin = await start(password);
    const { token } = await admin.sessionCreate({ username: 'ADMIN', password }, address);
    expect(admin.verifyToken(token)).toMatchObject({ username, isPasswordFromEnvironment: true });
    const wrong = [
      { username, password: `${password}.` },
      { username, password: '' },
      { username: 'nobody', password },
      { username: 'x'.repeat(100_000), password },
      { username, password: 'x'.repeat(100_000) },
    ];
    for (const input of wrong) {
      await expect(admin.sessionCreate(input, address)).rejects.toThrow('The name or the password is wrong.');
    }
  });

  test('gets slow for who guesses, also in parallel, and stays open to others', async () => {
    const { start, clock } = await open();
    const admin = await start(password);
    const guess = () => admin.sessionCreate({ username, password: 'guess' }, address);
    const results = await Promise.allSettled(Array.from({ length: 12 }, guess));
    const reasons = results.map((result) => result.status === 'rejected' && result.reason.name);
    expect(reasons.filter((name) => name === 'Unauthenticated')).toHaveLength(6);
    expect(reasons.filter((name) => name === 'Throttled')).toHaveLength(6);
    await expect(guess()).rejects.toMatchObject({ retryAfterSeconds: 1 });
    await admin.sessionCreate({ username, password }, '198.51.100.1');
    clock.ms += 1000;
    await admin.sessionCreate({ username, password }, address);
  });

  test('is in the ledger, without anything secret', async () => {
    const { start, ledger, accounts } = await open();
    const admin = await start(password);
    const { viewer, token } = await admin.sessionCreate({ username, password }, address);
    const entries = await ledger.read(0, 10);
    expect(entries.map(({ body, actor }) => [body.type, actor])).toEqual([
      ['AccountCreated', 'environment'],
      ['SessionCreated', `account:${viewer.id}`],
    ]);
    const stored = JSON.stringify([entries, await accounts()]);
    for (const secret of [password, token, jwtSecret]) expect(stored).not.toContain(secret);
  });
});

describe('a token', () => {
  test('is refused when it is forged, expired, or of an earlier password', async () => {
    const { start } = await open();
    const admin = await start(password);
    const { token } = await admin.sessionCreate({ username, password }, address);
    const claims = jwt.decode(token) as jwt.JwtPayload;
    const encode = (part: object) => Buffer.from(JSON.stringify(part)).toString('base64url');
    const forged = [
      '',
      'x.y.z',
      `${token}x`,
      token.split('.').slice(0, 2).join('.'),
      `${encode({ alg: 'none', typ: 'JWT' })}.${encode(claims)}.`,
      `${encode({ alg: 'nOnE' })}.${encode(claims)}.${token.split('.')[2]}`,
      jwt.sign(claims, 'another secret, as long as the right one'),
      jwt.sign(claims, jwtSecret, { algorithm: 'HS512' }),
      jwt.sign({ ...claims, exp: Math.floor(Date.now() / 1000) - 1 }, jwtSecret),
      jwt.sign({ ...claims, iss: 'somebody' }, jwtSecret),
      jwt.sign({ ...claims, sub: 'ac_other' }, jwtSecret),
      jwt.sign({ ...claims, ver: 0 }, jwtSecret),
    ];
    expect(forged.map((text) => admin.verifyToken(text))).toEqual(forged.map(() => null));
    expect(admin.verifyToken(token)).not.toBeNull();
  });
});

describe('a password from the environment', () => {
  test('is taken even when it is short', async () => {
    const { start } = await open();
    const admin = await start('short');
    expect(admin.setupCode()).toBeNull();
    await admin.sessionCreate({ username, password: 'short' }, address);
  });

  test("is the owner's at every start, and a new one ends what the old one opened", async () => {
    const { start, ledger, accounts } = await open();
    const { token } = await (await start(password)).sessionCreate({ username, password }, address);
    const same = await start(password);
    expect(same.verifyToken(token)).not.toBeNull();

    const changed = await start('another password', 'owner');
    expect(changed.verifyToken(token)).toBeNull();
    await expect(changed.sessionCreate({ username, password }, address)).rejects.toThrow(Unauthenticated);
    await changed.sessionCreate({ username: 'owner', password: 'another password' }, address);
    expect(await accounts()).toHaveLength(1);
    const types = (await ledger.read(0, 10)).map(({ body }) => body.type);
    expect(types).toEqual(['AccountCreated', 'SessionCreated', 'PasswordChanged', 'SessionCreated']);
  });

  test('stays valid when the environment no longer names it', async () => {
    const { start } = await open();
    await start(password);
    const admin = await start(null);
    expect(admin.setupCode()).toBeNull();
    const { viewer } = await admin.sessionCreate({ username, password }, address);
    expect(viewer.isPasswordFromEnvironment).toBe(false);
  });
});
