import { computed } from 'vue';
import { mutate } from '../api/mutate.ts';
import { graphql, type ResultOf, type VariablesOf } from '../graphql.ts';
import { timeZone } from '../i18n/formats.ts';
import { useLive, useLiveQuery } from './use-live-query.ts';
import { RequestProgress } from './use-request-progress.ts';

const RateFields = graphql(`
  fragment RateFields on PriceRates {
    input
    cachedInput
    output
    audioInput
    cachedAudioInput
    imageInput
    videoInput
    imageOutput
    audioOutput
    videoOutput
  }
`);
const PriceFields = graphql(
  `
    fragment PriceFields on Price {
      id
      model
      from
      isOwn
      rates {
        ...RateFields
      }
      longContextAboveTokens
      longContextRates {
        ...RateFields
      }
      tiers {
        tier
        percent
      }
      source
    }
  `,
  [RateFields],
);
const Prices = graphql(
  `
    query Prices {
      prices {
        ...PriceFields
      }
    }
  `,
  [PriceFields],
);
const UnpricedModels = graphql(`
  query UnpricedModels($timeZone: String!) {
    usage(range: { preset: LAST_30_DAYS }, groupBy: MODEL, interval: DAY, timeZone: $timeZone) {
      groups {
        model
        totals {
          unpricedRequests
        }
      }
    }
  }
`);
const PriceSet = graphql(`
  mutation PriceSet($input: PriceSetInput!) {
    priceSet(input: $input) {
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
const UsageReprice = graphql(`
  mutation UsageReprice($input: UsageRepriceInput!) {
    usageReprice(input: $input) {
      __typename
      ... on UsageRepriceSuccess {
        requests
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

export type Price = ResultOf<typeof PriceFields>;
export type Rates = ResultOf<typeof RateFields>;
export type PriceInput = VariablesOf<typeof PriceSet>['input'];

/** All versions of what models cost. */
export function usePrices() {
  const { data, error, isLoading, refresh } = useLiveQuery(Prices, {});
  return { prices: computed(() => data.value?.prices ?? null), error, isLoading, refresh };
}

/** What was called in the last 30 days and has no known price, most requests first. */
export function useUnpricedModels() {
  const { data, refresh, refreshSoon } = useLiveQuery(UnpricedModels, { timeZone }, { refreshEveryMs: 10_000 });
  useLive(RequestProgress, refreshSoon);
  const models = computed(() =>
    (data.value?.usage.groups ?? [])
      .map(({ model, totals }) => ({ model: model ?? '', requests: totals.unpricedRequests }))
      .filter(({ requests }) => requests > 0)
      .sort((a, b) => b.requests - a.requests),
  );
  return { models, refresh };
}

/** Expected failures are returned, others thrown. */
export async function setPrice(input: PriceInput) {
  return (await mutate(PriceSet, { input })).priceSet;
}

/** Prices requests anew that began in a range, with the prices that are known now. */
export async function repriceUsage(input: VariablesOf<typeof UsageReprice>['input']) {
  return (await mutate(UsageReprice, { input })).usageReprice;
}
