import { defineEntity, p } from '@mikro-orm/core';

/** Who may sign in to the dashboard. */
const AccountSchema = defineEntity({
  name: 'Account',
  tableName: 'account',
  properties: {
    id: p.string().primary(),
    username: p.string(),
    passwordHash: p.string(),
    role: p.string(),
    /** Part of every session; a new password makes the old ones worthless. */
    sessionVersion: p.integer(),
    createdAt: p.integer(),
    updatedAt: p.integer(),
  },
});
export class Account extends AccountSchema.class {}
AccountSchema.setClass(Account);
