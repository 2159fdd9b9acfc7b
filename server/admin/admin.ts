import { randomBytes, randomUUIDv7, timingSafeEqual } from 'node:crypto';
import jwt from 'jsonwebtoken';
import type { Orm } from '../database.ts';
import { type Execute, Refusal } from '../ledger/commands.ts';
import { Account } from './account.entity.ts';
import type { accountCommands } from './account-commands.ts';
import { InvalidInput, Throttled, Unauthenticated } from './errors.ts';
import { createLoginThrottle } from './login-throttle.ts';
import { hashPassword, type PasswordCost, verifyPassword } from './passwords.ts';
import type { sessionCommands } from './session-commands.ts';
import { loadSessions, type OpenedSession } from './sessions.ts';

/** Who is signed in. */
export interface Viewer {
  id: string;
  sessionId: string;
  /** When the token runs out, ms since 1970. */
  expiresAt: number;
  username: string;
  role: string;
  isPasswordFromEnvironment: boolean;
}

export interface Session {
  token: string;
  expiresAt: number;
  viewer: Viewer;
  /** For the HttpOnly cookie; null: the one that the caller has stays good. */
  refreshToken: string | null;
}

export interface Credentials {
  username: string;
  password: string;
}

export interface Admin {
  /** Null when there is an owner; else the code that the log shows. */
  setupCode(): string | null;
  /** Creates the owner. @throws Unauthenticated, InvalidInput, Refusal, Throttled */
  setupComplete(input: Credentials & { setupCode: string }, address: string): Promise<Session>;
  /** @throws Unauthenticated, Throttled */
  sessionCreate(input: Credentials, address: string): Promise<Session>;
  /** A new token for a refresh token. @throws Unauthenticated */
  sessionRefresh(refreshToken: string | null): Promise<Session>;
  /** Ends the session that the refresh token or the viewer belongs to. False when there was none. */
  sessionRevoke(refreshToken: string | null, viewer: Viewer | null): Promise<boolean>;
  /** For what a session alone does not allow: who is signed in types the password again. @throws Unauthenticated, Throttled */
  confirmPassword(viewer: Viewer, password: string, address: string): Promise<void>;
  /** The signed-in account, for the payload of a token whose signature is good; null when it was revoked. */
  viewerOf(payload: unknown): Viewer | null;
  /** The same for a token in text. */
  verifyToken(token: string): Viewer | null;
}

export interface AdminParts {
  execute: Execute<typeof accountCommands & typeof sessionCommands>;
  orm: Orm;
  jwtSecret: string;
  /** From ADMIN_USERNAME and ADMIN_PASSWORD; the password is the owner's at every start. */
  owner: { username: string; password: string | null };
  /** How much work a guess at a password is made; a sensible default unless given. */
  passwordCost?: PasswordCost | undefined;
  now(): number;
}

export const tokenAlgorithm = 'HS256';
const issuer = 'gemini-pool';
const sessionSeconds = 3600;
const setupCodeBytes = 16;
const setupCodeMs = 30 * 60_000;
const usernameCharactersMax = 64;
const passwordCharactersMin = 12;
const passwordCharactersMax = 128;

type KnownAccount = Pick<Account, 'id' | 'username' | 'passwordHash' | 'role' | 'sessionVersion'>;

/** Loads the owner, or makes one from the environment, or prepares the first run. */
export async function loadAdmin({ execute, orm, jwtSecret, owner, passwordCost, now }: AdminParts): Promise<Admin> {
  const throttle = createLoginThrottle(now);
  let account = await readAccount(orm);
  if (owner.password !== null) account = await fromEnvironment(account, owner.username, owner.password);
  const sessions = await loadSessions({ execute, orm, now });
  const code = account ? null : { text: randomBytes(setupCodeBytes).toString('hex'), madeAt: now() };

  async function fromEnvironment(
    known: KnownAccount | null,
    username: string,
    password: string,
  ): Promise<KnownAccount | null> {
    const isSame = known?.username === username && (await verifyPassword(password, known.passwordHash));
    if (isSame) return known;
    const credentials = { username, passwordHash: await hashPassword(password, passwordCost), actor: 'environment' };
    if (known) await execute('account.setCredentials', { id: known.id, ...credentials });
    else await execute('account.createOwner', { id: newAccountId(), ...credentials });
    return readAccount(orm);
  }

  /** Guesses are slowed down, whoever makes them. @throws Unauthenticated, Throttled */
  async function requirePassword({ username, password }: Credentials, address: string, wrong: Unauthenticated) {
    // No such account can exist; what is not even tried is not remembered either, however long it is.
    if (username.length > usernameCharactersMax || password.length > passwordCharactersMax) throw wrong;
    requireFree(throttle.waitSeconds(username, address));
    // Counted before it is known, so that guesses in parallel count too.
    throttle.failed(username, address);
    const isKnown = account !== null && account.username.toLowerCase() === username.toLowerCase();
    const isRight = await verifyPassword(password, isKnown && account ? account.passwordHash : null);
    if (!isRight || !account) throw wrong;
    throttle.succeeded(username, address);
    return account;
  }

  async function openSession(known: KnownAccount): Promise<Session> {
    return toSession(known, await sessions.open(known.id));
  }

  function toSession(known: KnownAccount, { id, refreshToken }: OpenedSession): Session {
    const claims = { ver: known.sessionVersion, sid: id };
    const options = { algorithm: tokenAlgorithm, issuer, subject: known.id, expiresIn: sessionSeconds } as const;
    const expiresAt = now() + sessionSeconds * 1000;
    const token = jwt.sign(claims, jwtSecret, options);
    return { token, expiresAt, viewer: toViewer(known, id, expiresAt), refreshToken };
  }

  function toViewer({ id, username, role }: KnownAccount, sessionId: string, expiresAt: number): Viewer {
    return { id, sessionId, expiresAt, username, role, isPasswordFromEnvironment: owner.password !== null };
  }

  function viewerOf(payload: unknown): Viewer | null {
    const { sub, ver, iss, sid, exp } = (payload ?? {}) as Record<string, unknown>;
    const isCurrent = account !== null && iss === issuer && sub === account.id && ver === account.sessionVersion;
    if (!isCurrent || !account || typeof sid !== 'string' || !sessions.isOpen(sid)) return null;
    return toViewer(account, sid, Number(exp) * 1000);
  }

  function requireSetupCode(text: string): void {
    if (!code || now() - code.madeAt > setupCodeMs)
      throw new Unauthenticated('The setup code is no longer valid; restart for a new one.');
    const given = Buffer.from(text.trim());
    const wanted = Buffer.from(code.text);
    if (given.length !== wanted.length || !timingSafeEqual(given, wanted))
      throw new Unauthenticated('This is not the setup code.');
  }

  return {
    setupCode: () => (account ? null : (code?.text ?? null)),
    viewerOf,

    verifyToken(token) {
      try {
        return viewerOf(jwt.verify(token, jwtSecret, { algorithms: [tokenAlgorithm], issuer }));
      } catch {
        return null;
      }
    },

    async setupComplete({ setupCode, username, password }, address) {
      if (account) throw new Refusal('conflict', 'The owner exists already. Sign in.');
      requireFree(throttle.waitSeconds('', address));
      try {
        requireSetupCode(setupCode);
      } catch (error) {
        throttle.failed('', address);
        throw error;
      }
      requireGoodCredentials(username, password);
      const passwordHash = await hashPassword(password, passwordCost);
      await execute('account.createOwner', { id: newAccountId(), username, passwordHash, actor: 'setup' });
      account = (await readAccount(orm)) as KnownAccount;
      return openSession(account);
    },

    async sessionCreate(credentials, address) {
      const wrong = new Unauthenticated('The name or the password is wrong.');
      return openSession(await requirePassword(credentials, address, wrong));
    },

    async confirmPassword({ username }, password, address) {
      await requirePassword({ username, password }, address, new Unauthenticated('The password is wrong.'));
    },

    async sessionRefresh(refreshToken) {
      const session = refreshToken === null ? null : await sessions.refresh(refreshToken);
      if (!session || !account) throw new Unauthenticated('The session has ended. Sign in again.');
      return toSession(account, session);
    },

    async sessionRevoke(refreshToken, viewer) {
      const ended = [refreshToken !== null && (await sessions.revoke(refreshToken))];
      if (viewer) ended.push(await sessions.revokeById(viewer.sessionId));
      return ended.includes(true);
    },
  };
}

function readAccount(orm: Orm): Promise<KnownAccount | null> {
  return orm.em.fork().findOne(Account, { role: 'OWNER' });
}

function newAccountId(): string {
  return `ac_${randomUUIDv7().replaceAll('-', '')}`;
}

function requireFree(waitSeconds: number): void {
  if (waitSeconds > 0) throw new Throttled(waitSeconds);
}

/** The rules for a name and a password that a person chooses. @throws InvalidInput */
export function requireGoodCredentials(username: string, password: string): void {
  const fields = [];
  if (!/^[^\s:]{1,64}$/u.test(username))
    fields.push({ path: ['username'], message: 'A name has 1 to 64 characters, without spaces.' });
  if (password.length < passwordCharactersMin || password.length > passwordCharactersMax) {
    fields.push({
      path: ['password'],
      message: `A password has ${passwordCharactersMin} to ${passwordCharactersMax} characters.`,
    });
  }
  if (fields.length > 0) throw new InvalidInput(fields);
}
