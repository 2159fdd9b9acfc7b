import { computed, shallowRef, watch } from 'vue';
import { graphql, type ResultOf } from '../graphql.ts';
import { useLive, useLiveQuery } from './use-live-query.ts';

const LiveFigures = graphql(`
  fragment LiveFigures on LiveStats {
    at
    inFlight
    requestsPerMinute
    tokensPerMinute
    successRate
    medianTimeToFirstTokenMs
    nextKeyBackAt
    keys {
      active
      coolingDown
      exhausted
      rejected
      disabled
    }
  }
`);
const LiveStatsNow = graphql(
  `
    query LiveStatsNow {
      liveStats {
        ...LiveFigures
      }
    }
  `,
  [LiveFigures],
);
const LiveStatsUpdated = graphql(
  `
    subscription LiveStatsUpdated {
      liveStatsUpdated {
        ...LiveFigures
      }
    }
  `,
  [LiveFigures],
);

export type LiveStats = ResultOf<typeof LiveFigures>;

const historyMax = 60;

/** What is going on now, and the figures seen since the page was opened, oldest first. */
export function useLiveStats() {
  const history = shallowRef<readonly LiveStats[]>([]);
  const take = (figures: LiveStats) => {
    const newest = history.value.at(-1);
    if (!newest || figures.at > newest.at) history.value = [...history.value, figures].slice(-historyMax);
  };
  const { data, error, refresh } = useLiveQuery(LiveStatsNow, {});
  watch(data, (fresh) => fresh && take(fresh.liveStats), { immediate: true });
  useLive(LiveStatsUpdated, ({ liveStatsUpdated }) => take(liveStatsUpdated));
  const stats = computed(() => history.value.at(-1) ?? null);
  return { stats, history, error, refresh };
}
