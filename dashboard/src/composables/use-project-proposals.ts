import { computed } from 'vue';
import { graphql } from '../graphql.ts';
import { useLiveQuery } from './use-live-query.ts';

const ProjectProposals = graphql(`
  query ProjectProposals {
    projectProposals {
      upstreamKeys {
        id
        maskedKey
        label
      }
    }
  }
`);

/** Keys that always run out together, group by group: each has probably one project at Google. */
export function useProjectProposals() {
  const { data, refresh } = useLiveQuery(ProjectProposals, {});
  const proposals = computed(() => data.value?.projectProposals.map(({ upstreamKeys }) => upstreamKeys) ?? []);
  return { proposals, refresh };
}
