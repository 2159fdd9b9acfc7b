import { blameResource, classifyFailure, type FailedEnd } from '../pool/classify-failure.ts';
import type { RelayParts } from './parts.ts';

/** One page of the resources that a client made. */
export interface ResourcePage {
  resources: unknown[];
  /** Where the next page begins; null after the last one. */
  next: number | null;
}

/**
 * What a client made of one collection, newest first. Google's own list is that of a project, in which the files of all clients lie, so
 * each of the client's own is asked for instead. What Google does not have any more is forgotten.
 */
export async function listOwnResources(
  { clientKeyId, version, collection }: { clientKeyId: string; version: string; collection: string },
  { start, size }: { start: number; size: number },
  { owners, pool, gemini, now }: Pick<RelayParts, 'owners' | 'pool' | 'gemini' | 'now'>,
): Promise<ResourcePage> {
  const names = owners.ofClient(clientKeyId).filter((name) => name.startsWith(`${collection}/`));
  const page = names.slice(start, start + size);
  const found = await Promise.all(
    page.map(async (name) => {
      const key = pool.get(owners.find(name)?.upstreamKeyId ?? '');
      if (!key) return null;
      const end = await gemini.read(`/${version}/${name}`, key);
      if (end.kind === 'error' && isGone(end, now())) await owners.remove(name);
      return end.kind === 'answered' ? end.responses?.[0] : null;
    }),
  );
  const next = start + size < names.length ? start + size : null;
  return { resources: found.filter((resource) => resource !== null), next };
}

/** A refusal of the key itself tells nothing of the resource, whose maker must not be forgotten for it. */
function isGone(end: FailedEnd, nowMs: number): boolean {
  return blameResource(classifyFailure(end, nowMs)).class === 'resource_affinity';
}
