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
    if (!list.rows.value) return;
    const states = upstreamKeysUpdated.filter((key) => !key.isDeleted);
    list.rows.value = takeStates(list.rows.value, states);
    if (states.length !== list.rows.value.length) list.refreshSoon(0);
  });
  useLive(RequestProgress, () => list.refreshSoon());
  return list;
}

/** The rows that are still in the pool, in their new state. */
function takeStates(rows: readonly UpstreamKey[], states: readonly KeyState[]): UpstreamKey[] {
  const stateOf = new Map(states.map((state) => [state.id, state]));
  return rows.flatMap((row) => {
    const state = stateOf.get(row.id);
    return state ? [{ ...row, ...state }] : [];
  });
}

/** Expected failures are returned, others thrown. */
export async function setUpstreamKeyEnabled(id: string, isEnabled: boolean) {
  return (await mutate(UpstreamKeyUpdate, { input: { id, isEnabled } })).upstreamKeyUpdate;
}

export async function deleteUpstreamKey(id: string) {
  return (await mutate(UpstreamKeyDelete, { input: { id } })).upstreamKeyDelete;
}
