import type { CommandHandler } from '../ledger/commands.ts';
import { Session } from './session.entity.ts';

export interface StoredSession {
  id: string;
  accountId: string;
  tokenHash: string;
  expiresAt: number;
}

/** Signed in. Sessions that ran out are cleared away on the way. */
const open: CommandHandler<StoredSession, null> = async ({ em, now }, session) => {
  await em.nativeDelete(Session, { expiresAt: { $lte: now } });
  await em.insert(Session, { ...session, previousHash: null, rotatedAt: now, createdAt: now });
  return { events: [sessionEvent('SessionCreated', session.accountId, now)], result: null };
};

interface Rotation {
  id: string;
  fromHash: string;
  toHash: string;
  expiresAt: number;
}

/** A new refresh token for the one before. `isRotated` is false when somebody else exchanged that one first. */
const rotate: CommandHandler<Rotation, { isRotated: boolean }> = async (
  { em, now },
  { id, fromHash, toHash, expiresAt },
) => {
  const changes = { tokenHash: toHash, previousHash: fromHash, rotatedAt: now, expiresAt };
  const count = await em.nativeUpdate(Session, { id, tokenHash: fromHash }, changes);
  return { events: [], result: { isRotated: count > 0 } };
};

/** Signed out. A session that is gone already is no failure. */
const revoke: CommandHandler<{ id: string; accountId: string }, null> = async ({ em, now }, { id, accountId }) => {
  const count = await em.nativeDelete(Session, { id });
  return { events: count > 0 ? [sessionEvent('SessionRevoked', accountId, now)] : [], result: null };
};

function sessionEvent(type: 'SessionCreated' | 'SessionRevoked', accountId: string, occurredAt: number) {
  return { body: { type, accountId }, actor: `account:${accountId}`, occurredAt } as const;
}

export const sessionCommands = { 'session.open': open, 'session.rotate': rotate, 'session.revoke': revoke };
