import { computed } from 'vue';
import { mutate } from '../api/mutate.ts';
import { graphql, type ResultOf, type VariablesOf } from '../graphql.ts';
import { useLiveQuery } from './use-live-query.ts';

const QuotaRuleFields = graphql(`
  fragment QuotaRuleFields on QuotaRule {
    upstreamKeyId
    group
    model
    requestsPerMinute
    tokensPerMinute
    requestsPerDay
    tokensPerDay
  }
`);
const QuotaRules = graphql(
  `
    query QuotaRules {
      quotaRules {
        ...QuotaRuleFields
      }
    }
  `,
  [QuotaRuleFields],
);
const QuotaRuleSet = graphql(`
  mutation QuotaRuleSet($input: QuotaRuleSetInput!) {
    quotaRuleSet(input: $input) {
      __typename
      ... on Error {
        code
        message
      }
    }
  }
`);

export type QuotaRule = ResultOf<typeof QuotaRuleFields>;
export const limitNames = ['requestsPerMinute', 'tokensPerMinute', 'requestsPerDay', 'tokensPerDay'] as const;

/** Limits that people set beside Google's. */
export function useQuotaRules() {
  const { data, refresh } = useLiveQuery(QuotaRules, {});
  return { rules: computed(() => data.value?.quotaRules ?? []), refresh };
}

/** Takes the place of the rule about the same; without limits there is none. Expected failures are returned, others thrown. */
export async function setQuotaRule(input: VariablesOf<typeof QuotaRuleSet>['input']) {
  return (await mutate(QuotaRuleSet, { input })).quotaRuleSet;
}
