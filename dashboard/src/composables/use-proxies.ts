import { computed } from 'vue';
import { mutate } from '../api/mutate.ts';
import { graphql } from '../graphql.ts';
import { useLiveQuery } from './use-live-query.ts';
import type { UpstreamKey } from './use-upstream-keys.ts';

const UpstreamKeyGroups = graphql(`
  query UpstreamKeyGroups {
    upstreamKeyGroups {
      name
      proxy
    }
  }
`);
const UpstreamKeySetProxy = graphql(`
  mutation UpstreamKeySetProxy($input: UpstreamKeyUpdateInput!) {
    result: upstreamKeyUpdate(input: $input) {
      __typename
      ... on Error {
        code
        message
      }
    }
  }
`);
const UpstreamKeyGroupUpdate = graphql(`
  mutation UpstreamKeyGroupUpdate($input: UpstreamKeyGroupUpdateInput!) {
    result: upstreamKeyGroupUpdate(input: $input) {
      __typename
      ... on Error {
        code
        message
      }
    }
  }
`);

/** What can have a proxy. `proxy` is what is shown of the one it has. */
export type ProxyOwner = { name: string; proxy: string | null } & ({ kind: 'group' } | { kind: 'key'; id: string });

/** The proxies of groups: what is shown of them. */
export function useGroupProxies() {
  const { data, refresh } = useLiveQuery(UpstreamKeyGroups, {});
  const proxies = computed(
    () => new Map(data.value?.upstreamKeyGroups.flatMap(({ name, proxy }) => (proxy ? [[name, proxy] as const] : []))),
  );
  return { proxies, refresh };
}

/** What is shown of the proxy that the calls of a key go by, and whether it is that of its group; none for the way of all. */
export function proxyOf({ proxy, group }: UpstreamKey, ofGroups: ReadonlyMap<string, string>) {
  if (proxy !== null) return [{ address: proxy, isOfGroup: false }];
  const address = group === null ? undefined : ofGroups.get(group);
  return address === undefined ? [] : [{ address, isOfGroup: true }];
}

/** Null takes it off. Expected failures are returned, others thrown. */
export async function setProxy(owner: ProxyOwner, proxyUrl: string | null) {
  return owner.kind === 'key'
    ? (await mutate(UpstreamKeySetProxy, { input: { id: owner.id, proxyUrl } })).result
    : (await mutate(UpstreamKeyGroupUpdate, { input: { group: owner.name, proxyUrl } })).result;
}
