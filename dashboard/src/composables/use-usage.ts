import { computed, type Ref } from 'vue';
import { graphql, type ResultOf } from '../graphql.ts';
import { timeZone } from '../i18n/formats.ts';
import { useLive, useLiveQuery } from './use-live-query.ts';
import { RequestProgress } from './use-request-progress.ts';

const Usage = graphql(`
  query Usage($range: TimeRangeInput!, $interval: UsageInterval!, $timeZone: String!) {
    usage(range: $range, interval: $interval, timeZone: $timeZone) {
      total {
        requests
        succeeded
        failed
        cancelled
        rejected
        tokens {
          input
          cachedInput
          output
          reasoning
          total
          isEstimated
        }
        cost
        unpricedRequests
        signatures {
          client
          restored
          placeholder
        }
      }
      series {
        start
        totals {
          requests
          failed
          tokens {
            total
          }
        }
      }
    }
  }
`);

export type UsageReport = ResultOf<typeof Usage>['usage'];
export type UsagePoint = UsageReport['series'][number];

export const usageRanges = ['LAST_24_HOURS', 'TODAY', 'LAST_7_DAYS', 'LAST_30_DAYS', 'ALL_TIME'] as const;
export type UsageRange = (typeof usageRanges)[number];

/** Long ranges by day: more bars than pixels tell nothing. */
export function intervalOf(range: UsageRange): 'HOUR' | 'DAY' {
  return range === 'LAST_30_DAYS' || range === 'ALL_TIME' ? 'DAY' : 'HOUR';
}

/** Requests and tokens in a range, asked for again while requests come in. */
export function useUsage(range: Readonly<Ref<UsageRange>>) {
  const variables = () => ({ range: { preset: range.value }, interval: intervalOf(range.value), timeZone });
  const { data, error, isLoading, refresh, refreshSoon } = useLiveQuery(Usage, variables);
  useLive(RequestProgress, refreshSoon);
  return { usage: computed(() => data.value?.usage ?? null), error, isLoading, refresh };
}
