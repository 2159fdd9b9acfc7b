import { createHash, randomBytes, randomUUIDv7, timingSafeEqual } from 'node:crypto';
import type { Orm } from '../database.ts';
import type { Execute } from '../ledger/commands.ts';
import { Session } from './session.entity.ts';
import type { sessionCommands } from './session-commands.ts';

/** The open sign-ins. Which ones are open is known in memory, so that a revoked one ends with the next call. */
export interface Sessions {
  /** @returns The session's id and its first refresh token. */
  open(accountId: string): Promise<OpenedSession>;
  /** Exchanges a refresh token for the next one; null when it is not, or no longer, good. */
  refresh(refreshToken: string): Promise<OpenedSession | null>;
  isOpen(id: string): boolean;
  /** Ends the session of a refresh token; one that is unknown is no failure. */
  revoke(refreshToken: string): Promise<boolean>;
  /** Ends this one; one that is unknown is no failure. */
  revokeById(id: string): Promise<boolean>;
}

export interface OpenedSession {
  id: string;
  /** Null: the token that the caller has stays the good one. */
  refreshToken: string | null;
}

interface SessionsParts {
  execute: Execute<typeof sessionCommands>;
  orm: Orm;
  /** Wall clock, ms since 1970. */
  now(): number;
}

type KnownSession = Pick<Session, 'id' | 'accountId' | 'tokenHash' | 'previousHash' | 'rotatedAt' | 'expiresAt'>;

export const refreshLifetimeMs = 30 * 24 * 3_600_000;
/** Two tabs may send the same token at once; after this a token that was exchanged before has been stolen. */
const reuseGraceMs = 30_000;
const secretBytes = 32;

export async function loadSessions({ execute, orm, now }: SessionsParts): Promise<Sessions> {
  const rows = await orm.em.fork().find(Session, { expiresAt: { $gt: now() } });
  const sessions = new Map(
    rows.map((row): [string, KnownSession] => [row.id, { ...row, previousHash: row.previousHash ?? null }]),
  );

  function find(refreshToken: string): KnownSession | null {
    const session = sessions.get(refreshToken.slice(0, refreshToken.indexOf('.')));
    if (!session || session.expiresAt <= now()) return null;
    const hash = hashOf(refreshToken);
    const isKnown = isSame(session.tokenHash, hash) || isSame(session.previousHash ?? '', hash);
    return isKnown ? session : null;
  }

  async function end({ id, accountId }: KnownSession): Promise<void> {
    sessions.delete(id);
    await execute('session.revoke', { id, accountId });
  }

  async function endIfKnown(session: KnownSession | null | undefined): Promise<boolean> {
    if (session) await end(session);
    return Boolean(session);
  }

  return {
    async open(accountId) {
      const id = `se_${randomUUIDv7().replaceAll('-', '')}`;
      const refreshToken = newToken(id);
      const session = { id, accountId, tokenHash: hashOf(refreshToken), expiresAt: now() + refreshLifetimeMs };
      await execute('session.open', session);
      sessions.set(id, { ...session, previousHash: null, rotatedAt: now() });
      return { id, refreshToken };
    },
    async refresh(refreshToken) {
      const session = find(refreshToken);
      if (!session) return null;
      const { id, tokenHash } = session;
      if (!isSame(tokenHash, hashOf(refreshToken))) {
        if (now() - session.rotatedAt <= reuseGraceMs) return { id, refreshToken: null };
        await end(session);
        return null;
      }
      const next = newToken(id);
      const rotation = { id, fromHash: tokenHash, toHash: hashOf(next), expiresAt: now() + refreshLifetimeMs };
      const { isRotated } = await execute('session.rotate', rotation);
      if (!isRotated) return sessions.has(id) ? { id, refreshToken: null } : null;
      const { toHash, expiresAt } = rotation;
      sessions.set(id, { ...session, tokenHash: toHash, previousHash: tokenHash, rotatedAt: now(), expiresAt });
      return { id, refreshToken: next };
    },
    isOpen: (id) => (sessions.get(id)?.expiresAt ?? 0) > now(),
    revoke: (refreshToken) => endIfKnown(find(refreshToken)),
    revokeById: (id) => endIfKnown(sessions.get(id)),
  };
}

function newToken(id: string): string {
  return `${id}.${randomBytes(secretBytes).toString('base64url')}`;
}

/** 256 random bits need no slow hash. */
function hashOf(refreshToken: string): string {
  return createHash('sha256').update(refreshToken).digest('hex');
}

function isSame(a: string, b: string): boolean {
  return a.length === b.length && timingSafeEqual(Buffer.from(a), Buffer.from(b));
}
