import type { Orm } from '../database.ts';
import type { Execute } from '../ledger/commands.ts';
import type { resourceCommands } from './resource-commands.ts';
import { expired, isLasting, lasting, ResourceOwner } from './resource-owner.entity.ts';

/** Who made a resource at Google. */
export interface Owner {
  upstreamKeyId: string;
  clientKeyId: string;
}

/** Files, caches and interactions by who made them; kept over restarts. */
export interface ResourceOwners {
  find(name: string): Owner | undefined;
  /** The names that a client key made, newest first. */
  ofClient(clientKeyId: string): string[];
  /** Durable when it settles. */
  add(name: string, owner: Owner): Promise<void>;
  remove(name: string): Promise<void>;
}

interface ResourceOwnersParts {
  execute: Execute<typeof resourceCommands>;
  orm: Orm;
  /** Wall clock, ms since 1970. */
  now(): number;
}

/** Beyond it the oldest that is not lasting is forgotten. */
const ownersMax = 100_000;

export async function loadResourceOwners({ execute, orm, now }: ResourceOwnersParts): Promise<ResourceOwners> {
  const em = orm.em.fork();
  const newest = { orderBy: { createdAt: 'desc' }, limit: ownersMax } as const;
  const rows = [
    ...(await em.find(ResourceOwner, { $not: { $or: [lasting, expired(now())] } }, newest)),
    ...(await em.find(ResourceOwner, lasting, newest)),
  ].sort((a, b) => a.createdAt - b.createdAt);
  const owners = new Map<string, Owner>();
  for (const { name, upstreamKeyId, clientKeyId } of rows) owners.set(name, { upstreamKeyId, clientKeyId });

  return {
    find: (name) => owners.get(name),
    ofClient: (clientKeyId) =>
      [...owners].flatMap(([name, owner]) => (owner.clientKeyId === clientKeyId ? [name] : [])).reverse(),
    async add(name, owner) {
      await execute('resource.own', { name, ...owner, createdAt: now() });
      owners.delete(name);
      owners.set(name, owner);
      for (const oldest of owners.keys()) {
        if (owners.size <= ownersMax) break;
        if (!isLasting(oldest)) owners.delete(oldest);
      }
    },
    async remove(name) {
      owners.delete(name);
      await execute('resource.forget', { name });
    },
  };
}
