import { computed, shallowRef, watch } from 'vue';
import { graphql, type ResultOf } from '../graphql.ts';
import { useLive, useLiveQuery } from './use-live-query.ts';

const shownMax = 20;
/** New rows are shown together, not one by one: a busy gateway would redraw the list all the time. */
const gatherMs = 200;

const RequestRow = graphql(`
  fragment RequestRow on Request {
    requestId
    outcome
    httpStatus
    requestedModel
    tokens {
      total
      isEstimated
    }
    cost
    usageSource
    startedAt
    durationMs
    timeToFirstTokenMs
    clientKey {
      id
      name
    }
  }
`);
const RecentRequests = graphql(
  `
    query RecentRequests($first: Int!) {
      requests(first: $first) {
        nodes {
          ...RequestRow
        }
      }
    }
  `,
  [RequestRow],
);
const RequestRowUpdated = graphql(
  `
    subscription RequestRowUpdated {
      requestUpdated {
        ...RequestRow
      }
    }
  `,
  [RequestRow],
);

export type RequestRow = ResultOf<typeof RequestRow>;

/**
 * The newest requests as they come and end. While `isHeld`, new ones are counted but not shown, so that nothing moves
 * under the pointer.
 */
export function useRecentRequests() {
  const rows = shallowRef<readonly RequestRow[]>([]);
  const arrived = shallowRef<readonly RequestRow[]>([]);
  const isHeld = shallowRef(false);
  const gathered = new Map<string, RequestRow>();
  let timer: ReturnType<typeof setTimeout> | undefined;

  const { data, error, refresh } = useLiveQuery(RecentRequests, { first: shownMax });
  watch(
    data,
    (fresh) => {
      if (fresh) rows.value = merge(rows.value, fresh.requests.nodes);
    },
    { immediate: true },
  );
  useLive(RequestRowUpdated, ({ requestUpdated }) => {
    if (!requestUpdated) return;
    gathered.set(requestUpdated.requestId, requestUpdated);
    if (timer === undefined) timer = setTimeout(show, gatherMs);
  });
  watch(isHeld, (held) => {
    if (!held) show();
  });

  function show(): void {
    timer = undefined;
    const shown = new Set(rows.value.map((row) => row.requestId));
    const updates = [...gathered.values()];
    gathered.clear();
    const isNew = (row: RequestRow) => !shown.has(row.requestId);
    const fresh = merge(arrived.value, updates.filter(isNew));
    rows.value = merge(rows.value, [...updates.filter((row) => !isNew(row)), ...(isHeld.value ? [] : fresh)]);
    arrived.value = isHeld.value ? fresh : [];
  }

  return {
    rows,
    error,
    refresh,
    isHeld,
    heldCount: computed(() => arrived.value.length),
    isLoading: computed(() => data.value === undefined && !error.value),
  };
}

/** Newest first; a later version of a row takes the place of the earlier one. */
function merge(known: readonly RequestRow[], fresh: readonly RequestRow[]): RequestRow[] {
  const byId = new Map(known.map((row) => [row.requestId, row]));
  for (const row of fresh) byId.set(row.requestId, row);
  return [...byId.values()].sort(newestFirst).slice(0, shownMax);
}

function newestFirst(a: RequestRow, b: RequestRow): number {
  return b.startedAt.localeCompare(a.startedAt) || b.requestId.localeCompare(a.requestId);
}
