import { type CommandHandler, Refusal } from '../ledger/commands.ts';
import { Account } from './account.entity.ts';
import { Session } from './session.entity.ts';

interface NewOwner {
  id: string;
  username: string;
  passwordHash: string;
  actor: string;
}

/** The first account. The writer runs one command after the other, so only one of many parallel set-ups finds no account. */
const createOwner: CommandHandler<NewOwner, null> = async ({ em, now }, { actor, ...owner }) => {
  if ((await em.count(Account)) > 0) throw new Refusal('conflict', 'The owner exists already. Sign in.');
  await em.insert(Account, { ...owner, role: 'OWNER', sessionVersion: 1, createdAt: now, updatedAt: now });
  return {
    events: [
      { body: { type: 'AccountCreated', accountId: owner.id, username: owner.username }, actor, occurredAt: now },
    ],
    result: null,
  };
};

interface NewCredentials {
  id: string;
  username: string;
  passwordHash: string;
  actor: string;
}

/** Another name or password; every session of before ends. */
const setCredentials: CommandHandler<NewCredentials, null> = async (
  { em, now },
  { id, username, passwordHash, actor },
) => {
  const account = await em.findOne(Account, { id });
  if (!account) throw new Refusal('not_found', 'There is no account with this id.');
  const sessionVersion = account.sessionVersion + 1;
  await em.nativeDelete(Session, { accountId: id });
  await em.nativeUpdate(Account, { id }, { username, passwordHash, sessionVersion, updatedAt: now });
  return { events: [{ body: { type: 'PasswordChanged', accountId: id }, actor, occurredAt: now }], result: null };
};

export const accountCommands = {
  'account.createOwner': createOwner,
  'account.setCredentials': setCredentials,
};
