import { computed, onScopeDispose, shallowRef, watch } from 'vue';
import { live } from '../api/live.ts';

interface Page<Row> {
  nodes: Row[];
  pageInfo: { hasNextPage: boolean; endCursor: string | null };
}

const rowsMax = 10_000;
const refreshEveryMs = 4000;
const shownStep = 100;

/**
 * A list of the admin API with all its pages, `shownStep` rows of it in the document.
 * @param read One page; throws when it cannot be read.
 */
export function usePagedList<Row extends { id: string }>(read: (after: string | null) => Promise<Page<Row>>) {
  const rows = shallowRef<readonly Row[] | null>(null);
  const error = shallowRef<unknown>(null);
  const shownMax = shallowRef(shownStep);
  let latest = 0;
  let timer: ReturnType<typeof setTimeout> | undefined;

  async function refresh(): Promise<void> {
    clearTimeout(timer);
    timer = undefined;
    const run = ++latest;
    try {
      const fresh = await readAll(read);
      if (run === latest) [rows.value, error.value] = [fresh, null];
    } catch (thrown) {
      if (run === latest) error.value = thrown;
    }
  }
  /** Figures that grow with every request need not be asked for with every request. */
  function refreshSoon(delayMs = refreshEveryMs): void {
    timer ??= setTimeout(refresh, delayMs);
  }

  refresh();
  watch(() => live.reconnects, refresh);
  onScopeDispose(() => clearTimeout(timer));
  const isLoading = computed(() => rows.value === null && error.value === null);
  const showMore = () => {
    shownMax.value += shownStep;
  };
  return { rows, error, isLoading, shownMax, shownStep, showMore, refresh, refreshSoon };
}

async function readAll<Row>(read: (after: string | null) => Promise<Page<Row>>): Promise<Row[]> {
  const rows: Row[] = [];
  for (let after: string | null = null; rows.length < rowsMax; ) {
    const { nodes, pageInfo } = await read(after);
    rows.push(...nodes);
    if (!pageInfo.hasNextPage || pageInfo.endCursor === null) break;
    after = pageInfo.endCursor;
  }
  return rows;
}
