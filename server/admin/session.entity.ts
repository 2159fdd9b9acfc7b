import { defineEntity, p } from '@mikro-orm/core';

/** A sign-in that goes on as long as its refresh token is exchanged in time. Only hashes of the tokens are kept. */
const SessionSchema = defineEntity({
  name: 'Session',
  tableName: 'session',
  properties: {
    id: p.string().primary(),
    accountId: p.string(),
    tokenHash: p.string(),
    /** Of the token before, for an answer that was lost on its way. */
    previousHash: p.string().nullable(),
    rotatedAt: p.integer(),
    createdAt: p.integer(),
    expiresAt: p.integer(),
  },
});
export class Session extends SessionSchema.class {}
SessionSchema.setClass(Session);
