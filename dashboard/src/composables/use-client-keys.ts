import { computed, watch } from 'vue';
import { client } from '../api/client.ts';
import { mutate } from '../api/mutate.ts';
import { graphql, type ResultOf, type VariablesOf } from '../graphql.ts';
import { useClock } from './use-clock.ts';
import { useLive } from './use-live-query.ts';
import { usePagedList } from './use-paged-list.ts';
import { RequestProgress } from './use-request-progress.ts';

const pageSize = 100;

const ClientKeyRow = graphql(`
  fragment ClientKeyRow on ClientKey {
    id
    name
    prefix
    lastFour
    status
    allowedModels
    expiresAt
    allowedAddresses
    allowedOrigins
    limits {
      requestsPerMinute
      tokensPerMinute
      concurrentRequests
    }
    budgets {
      unit
      limit
      period
      timeZone
      model
      isStrict
      used
      reserved
      overrun
      resetsAt
    }
    isDeleted
    createdAt
    lastUsedAt
    usage {
      requests
      tokens {
        total
        isEstimated
      }
      cost
      unpricedRequests
    }
  }
`);
const ClientKeys = graphql(
  `
    query ClientKeys($first: Int!, $after: String) {
      clientKeys(first: $first, after: $after) {
        nodes {
          ...ClientKeyRow
        }
        pageInfo {
          hasNextPage
          endCursor
        }
      }
    }
  `,
  [ClientKeyRow],
);
const ClientKeyCreate = graphql(`
  mutation ClientKeyCreate($input: ClientKeyCreateInput!) {
    clientKeyCreate(input: $input) {
      __typename
      ... on ClientKeyCreateSuccess {
        secret
        clientKey {
          id
          name
        }
      }
      ... on Error {
        code
        message
      }
      ... on InvalidInputError {
        fields {
          path
          message
        }
      }
    }
  }
`);
const ClientKeyUpdate = graphql(`
  mutation ClientKeyUpdate($input: ClientKeyUpdateInput!) {
    clientKeyUpdate(input: $input) {
      __typename
      ... on Error {
        code
        message
      }
      ... on InvalidInputError {
        fields {
          path
          message
        }
      }
    }
  }
`);
const ClientKeyDelete = graphql(`
  mutation ClientKeyDelete($input: ClientKeyDeleteInput!) {
    clientKeyDelete(input: $input) {
      __typename
      ... on Error {
        code
        message
      }
    }
  }
`);

export type ClientKey = ResultOf<typeof ClientKeyRow>;
export type CreatedClientKey = Pick<ClientKey, 'id' | 'name'> & { secret: string };
type CreateInput = VariablesOf<typeof ClientKeyCreate>['input'];
/** What a key may do, all of it. */
export type ClientKeyTerms = Omit<CreateInput, 'name' | 'secret'>;

/** The client keys with what they have used, up to date while requests come in. */
export function useClientKeys() {
  const list = usePagedList(async (after) => {
    const variables = { first: pageSize, after };
    const { data, error } = await client.query(ClientKeys, variables, { requestPolicy: 'network-only' }).toPromise();
    if (!data) throw error;
    const { nodes, pageInfo } = data.clientKeys;
    return { nodes: nodes.filter((key) => !key.isDeleted), pageInfo };
  });
  useLive(RequestProgress, () => list.refreshSoon());
  refreshAtReset(list);
  return list;
}

/** A budget begins anew without any request. */
function refreshAtReset({
  rows,
  refreshSoon,
}: Pick<ReturnType<typeof usePagedList<ClientKey>>, 'rows' | 'refreshSoon'>) {
  const now = useClock();
  const nextAt = computed(() => {
    const resets = (rows.value ?? []).flatMap(({ budgets }) => budgets.flatMap(({ resetsAt }) => resetsAt ?? []));
    return Math.min(...resets.map((iso) => Date.parse(iso)));
  });
  watch(now, (time) => {
    if (time > nextAt.value) refreshSoon();
  });
}

/** The words in a text, separated by commas or space; null, for whatever there is, when there are none. */
export function toPatterns(text: string): string[] | null {
  const patterns = text.split(/[\s,，、]+/).filter((pattern) => pattern !== '');
  return patterns.length > 0 ? patterns : null;
}

/** Expected failures are returned, others thrown. */
export async function createClientKey(input: CreateInput) {
  return (await mutate(ClientKeyCreate, { input })).clientKeyCreate;
}

export async function updateClientKey(input: VariablesOf<typeof ClientKeyUpdate>['input']) {
  return (await mutate(ClientKeyUpdate, { input })).clientKeyUpdate;
}

export async function deleteClientKey(id: string) {
  return (await mutate(ClientKeyDelete, { input: { id } })).clientKeyDelete;
}
