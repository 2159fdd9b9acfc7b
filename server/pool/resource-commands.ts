import type { CommandHandler } from '../ledger/commands.ts';
import { expired, ResourceOwner } from './resource-owner.entity.ts';

export interface OwnResource {
  name: string;
  upstreamKeyId: string;
  clientKeyId: string;
  /** Now, ms since 1970. */
  createdAt: number;
}

const own: CommandHandler<OwnResource, null> = async ({ em }, owner) => {
  await em.upsert(ResourceOwner, owner);
  await em.nativeDelete(ResourceOwner, expired(owner.createdAt));
  return { events: [], result: null };
};

const forget: CommandHandler<{ name: string }, null> = async ({ em }, { name }) => {
  await em.nativeDelete(ResourceOwner, { name });
  return { events: [], result: null };
};

export const resourceCommands = { 'resource.own': own, 'resource.forget': forget };
