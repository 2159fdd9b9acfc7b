import { computed } from 'vue';
import { graphql } from '../graphql.ts';
import { useLive, useLiveQuery } from './use-live-query.ts';
import { RequestProgress } from './use-request-progress.ts';

const LedgerHead = graphql(`
  query LedgerHead {
    ledger {
      headPosition
      headHash
      openRequests
    }
  }
`);

/** How far the ledger has come, as it goes on. */
export function useLedger() {
  const { data, error, refresh, refreshSoon } = useLiveQuery(LedgerHead, {});
  useLive(RequestProgress, refreshSoon);
  return { ledger: computed(() => data.value?.ledger ?? null), error, refresh };
}
