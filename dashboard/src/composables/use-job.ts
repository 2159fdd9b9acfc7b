import { computed, type Ref, shallowRef, watch } from 'vue';
import { mutate } from '../api/mutate.ts';
import { graphql, type ResultOf } from '../graphql.ts';
import { useLive, useLiveQuery } from './use-live-query.ts';

const JobProgress = graphql(`
  fragment JobProgress on Job {
    id
    kind
    status
    total
    done
    counts {
      outcome
      rows
    }
  }
`);
const JobWithRows = graphql(
  `
    query JobWithRows($id: ID!, $outcomes: [JobRowOutcome!]) {
      job(id: $id) {
        ...JobProgress
        rows(first: 200, outcomes: $outcomes) {
          totalCount
          nodes {
            number
            maskedKey
            outcome
            message
          }
        }
      }
    }
  `,
  [JobProgress],
);
const JobUpdated = graphql(
  `
    subscription JobUpdated($id: ID!) {
      jobUpdated(id: $id) {
        ...JobProgress
      }
    }
  `,
  [JobProgress],
);
const UpstreamKeyImport = graphql(`
  mutation UpstreamKeyImport($input: UpstreamKeyImportInput!) {
    upstreamKeyImport(input: $input) {
      __typename
      ... on JobStartSuccess {
        job {
          id
        }
      }
      ... on Error {
        code
        message
      }
    }
  }
`);
const UpstreamKeyVerify = graphql(`
  mutation UpstreamKeyVerify($input: UpstreamKeyVerifyInput!) {
    upstreamKeyVerify(input: $input) {
      __typename
      ... on JobStartSuccess {
        job {
          id
        }
      }
      ... on Error {
        code
        message
      }
    }
  }
`);
const JobCancel = graphql(`
  mutation JobCancel($input: JobCancelInput!) {
    jobCancel(input: $input) {
      __typename
    }
  }
`);

export type JobRow = NonNullable<ResultOf<typeof JobWithRows>['job']>['rows']['nodes'][number];

/** A job as it goes on: its progress with every step, its rows once per second. */
export function useJob(id: Readonly<Ref<string>>) {
  const variables = () => ({ id: id.value });
  const { data, error, refresh, refreshSoon } = useLiveQuery(JobWithRows, variables);
  const progress = shallowRef<ResultOf<typeof JobProgress>>();
  watch(id, () => {
    progress.value = undefined;
  });
  useLive(
    JobUpdated,
    ({ jobUpdated }) => {
      progress.value = jobUpdated;
      refreshSoon();
    },
    variables,
  );
  const job = computed(() => {
    const known = data.value?.job;
    if (!known || known.id !== id.value) return null;
    const step = progress.value;
    return step?.id === known.id && step.done >= known.done ? { ...known, ...step } : known;
  });
  const isLost = computed(() => data.value?.job === null);
  return { job, isLost, error, refresh };
}

/** Starts a job that adds the keys found in a text. Expected failures are returned, others thrown. */
export async function importUpstreamKeys(text: string) {
  return (await mutate(UpstreamKeyImport, { input: { text } })).upstreamKeyImport;
}

/** @param ids Null for the whole pool. */
export async function verifyUpstreamKeys(ids: string[] | null) {
  return (await mutate(UpstreamKeyVerify, { input: { ids } })).upstreamKeyVerify;
}

export async function cancelJob(id: string): Promise<void> {
  await mutate(JobCancel, { input: { id } });
}
