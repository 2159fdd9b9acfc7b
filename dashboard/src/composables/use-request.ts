import { computed, type Ref } from 'vue';
import { graphql, type ResultOf } from '../graphql.ts';
import { useLive, useLiveQuery } from './use-live-query.ts';
import { RequestProgress } from './use-request-progress.ts';

const RequestDetail = graphql(`
  query RequestDetail($requestId: ID!) {
    request(requestId: $requestId) {
      requestId
      outcome
      httpStatus
      format
      requestedModel
      servedModel
      isStreaming
      finishReason
      error {
        code
        message
      }
      tokens {
        input
        cachedInput
        output
        reasoning
        total
        isEstimated
      }
      cost
      usageSource
      price {
        id
        model
        from
        source
        rates {
          input
          cachedInput
          output
        }
        longContextAboveTokens
        longContextRates {
          input
          cachedInput
          output
        }
      }
      startedAt
      durationMs
      timeToFirstTokenMs
      clientKey {
        id
        name
      }
      attempts {
        number
        httpStatus
        failure
        durationMs
        upstreamKey {
          id
          maskedKey
        }
      }
    }
  }
`);

export type RequestDetail = NonNullable<ResultOf<typeof RequestDetail>['request']>;

/** One request with its attempts, as it goes on. */
export function useRequest(requestId: Readonly<Ref<string>>) {
  const { data, error, refresh } = useLiveQuery(RequestDetail, () => ({ requestId: requestId.value }));
  useLive(RequestProgress, ({ requestUpdated }) => {
    if (requestUpdated?.requestId === requestId.value) refresh();
  });
  return {
    request: computed(() => data.value?.request ?? null),
    isMissing: computed(() => data.value?.request === null),
    error,
    refresh,
  };
}
