import type { CommandHandler } from '../ledger/commands.ts';
import { ResourceOwner } from './resource-owner.entity.ts';

export interface OwnResource {
  name: string;
  upstreamKeyId: string;
  clientKeyId: string;
  /** Owners noted before this are forgotten, ms since 1970. */
  forgetBefore: number;
}

const own: CommandHandler<OwnResource, null> = async ({ em, now }, { forgetBefore, ...owner }) => {
  await em.upsert(ResourceOwner, { ...owner, createdAt: now });
  await em.nativeDelete(ResourceOwner, { createdAt: { $lt: forgetBefore } });
  return { events: [], result: null };
};

const forget: CommandHandler<{ name: string }, null> = async ({ em }, { name }) => {
  await em.nativeDelete(ResourceOwner, { name });
  return { events: [], result: null };
};

export const resourceCommands = { 'resource.own': own, 'resource.forget': forget };
