import { client } from '../api/client.ts';
import { mutate } from '../api/mutate.ts';
import { graphql, type ResultOf } from '../graphql.ts';
import { useLive } from './use-live-query.ts';
import { usePagedList } from './use-paged-list.ts';
import { RequestProgress } from './use-request-progress.ts';

const pageSize = 100;

const UpstreamKeyState = graphql(`
  fragment UpstreamKeyState on UpstreamKey {
    id
    maskedKey
    label
    tags
    group
    project
    proxy
    status
    source
    isDeleted
    cooldownUntil
    lastFailure
    lastFailureMessage
    cooldowns {
      model
      until
      reason
    }
    inFlight
  }
`);
const UpstreamKeys = graphql(
  `
    query UpstreamKeys($first: Int!, $after: String) {
      upstreamKeys(first: $first, after: $after) {
        nodes {
          ...UpstreamKeyState
          lastUsedAt
          quotas {
            model
            kind
            limit
            used
          }
          usage {
            requests
            tokens {
              total
            }
          }
        }
        pageInfo {
          hasNextPage
          endCursor
        }
      }
    }
  `,
  [UpstreamKeyState],
);
const UpstreamKeysUpdated = graphql(
  `
    subscription UpstreamKeysUpdated {
      upstreamKeysUpdated {
        ...UpstreamKeyState
      }
    }
  `,
  [UpstreamKeyState],
);
const UpstreamKeyUpdate = graphql(`
  mutation UpstreamKeyUpdate($input: UpstreamKeyUpdateInput!) {
    upstreamKeyUpdate(input: $input) {
      __typename
      ... on Error {
        code
        message
      }
    }
  }
`);
const UpstreamKeyDelete = graphql(`
  mutation UpstreamKeyDelete($input: UpstreamKeyDeleteInput!) {
    upstreamKeyDelete(input: $input) {
      __typename
      ... on Error {
        code
        message
      }
    }
  }
`);

type KeyState = ResultOf<typeof UpstreamKeyState>;
export type UpstreamKey = ResultOf<typeof UpstreamKeys>['upstreamKeys']['nodes'][number];
export type UpstreamKeyStatus = KeyState['status'];

export const upstreamKeyStatuses = [
  'ACTIVE',
  'COOLING_DOWN',
  'EXHAUSTED',
  'REJECTED',
  'DISABLED',
] as const satisfies readonly UpstreamKeyStatus[];

/** The keys of the pool: their state as it changes, what they have used every few seconds. */
export function useUpstreamKeys() {
  const list = usePagedList(async (after) => {
    const variables = { first: pageSize, after };
    const { data, error } = await client.query(UpstreamKeys, variables, { requestPolicy: 'network-only' }).toPromise();
    if (!data) throw error;
    const { nodes, pageInfo } = data.upstreamKeys;
    return { nodes: nodes.filter((key) => !key.isDeleted), pageInfo };
  });
  useLive(UpstreamKeysUpdated, ({ upstreamKeysUpdated }) => {
    const rows = list.rows.value;
    if (!rows) return;
    list.rows.value = takeStates(rows, upstreamKeysUpdated);
    const shown = new Set(rows.map(({ id }) => id));
    const isOfOthers = upstreamKeysUpdated.some(({ id, isDeleted }) => isDeleted || !shown.has(id));
    // When the connection was lost for a while, the whole list comes again: what is not in it is gone.
    const mayBeWhole = upstreamKeysUpdated.length > rows.length / 2;
    if (isOfOthers || (mayBeWhole && upstreamKeysUpdated.length < rows.length)) list.refreshSoon(0);
  });
  useLive(RequestProgress, () => list.refreshSoon());
  return list;
}

/** The rows that are still in the pool; those that changed in their new state. */
function takeStates(rows: readonly UpstreamKey[], states: readonly KeyState[]): UpstreamKey[] {
  const stateOf = new Map(states.map((state) => [state.id, state]));
  return rows.map((row) => ({ ...row, ...stateOf.get(row.id) })).filter((row) => !row.isDeleted);
}

/** Expected failures are returned, others thrown. */
export async function setUpstreamKeyEnabled(id: string, isEnabled: boolean) {
  return (await mutate(UpstreamKeyUpdate, { input: { id, isEnabled } })).upstreamKeyUpdate;
}

export async function deleteUpstreamKey(id: string) {
  return (await mutate(UpstreamKeyDelete, { input: { id } })).upstreamKeyDelete;
}
