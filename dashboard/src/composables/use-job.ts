import { computed, type Ref, shallowRef, watch } from 'vue';
import { client } from '../api/client.ts';
import { mutate } from '../api/mutate.ts';
import { graphql, type ResultOf, type VariablesOf } from '../graphql.ts';
import { useLive, useLiveQuery } from './use-live-query.ts';

const JobProgress = graphql(`
  fragment JobProgress on Job {
    id
    kind
    status
    total
    done
    failure
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
    subscription JobUpdated($id: ID) {
      jobUpdated(id: $id) {
        ...JobProgress
      }
    }
  `,
  [JobProgress],
);
const UpstreamKeyImportPreview = graphql(`
  query UpstreamKeyImportPreview($input: UpstreamKeyImportInput!) {
    upstreamKeyImportPreview(input: $input) {
      __typename
      ... on UpstreamKeyImportPreview {
        new
        stored
        repeated
        malformed
        problems {
          number
          maskedKey
          message
        }
      }
      ... on Error {
        code
        message
      }
    }
  }
`);
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

export type Job = ResultOf<typeof JobProgress>;
export type JobOutcome = JobRow['outcome'];
export type ImportInput = VariablesOf<typeof UpstreamKeyImport>['input'];
export type ImportPreview = Extract<
  ResultOf<typeof UpstreamKeyImportPreview>['upstreamKeyImportPreview'],
  { __typename: 'UpstreamKeyImportPreview' }
>;

/** The jobs that run now, whoever started them. */
export function useRunningJobs() {
  const jobs = shallowRef<readonly Job[]>([]);
  useLive(
    JobUpdated,
    ({ jobUpdated }) => {
      const others = jobs.value.filter(({ id }) => id !== jobUpdated.id);
      jobs.value = jobUpdated.status === 'RUNNING' ? [...others, jobUpdated] : others;
    },
    { id: null },
  );
  return jobs;
}

/** A job as it goes on: its progress with every step, its rows once per second. @param outcome Rows that came to this only; null for all. */
export function useJob(id: Readonly<Ref<string>>, outcome: Readonly<Ref<JobOutcome | null>>) {
  const variables = () => ({ id: id.value });
  const { data, error, refresh, refreshSoon } = useLiveQuery(JobWithRows, () => ({
    id: id.value,
    outcomes: outcome.value && [outcome.value],
  }));
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

/** What an import would do. Expected failures are returned, others thrown. */
export async function previewImport(input: ImportInput) {
  const options = { requestPolicy: 'network-only' } as const;
  const { data, error } = await client.query(UpstreamKeyImportPreview, { input }, options).toPromise();
  if (!data) throw error;
  return data.upstreamKeyImportPreview;
}

/** Starts a job that adds keys. Expected failures are returned, others thrown. */
export async function importUpstreamKeys(input: ImportInput) {
  return (await mutate(UpstreamKeyImport, { input })).upstreamKeyImport;
}

/** Starts a job. Expected failures are returned, others thrown. @param concurrency Keys at a time. */
export async function verifyUpstreamKeys(ids: readonly string[], concurrency?: number) {
  return (await mutate(UpstreamKeyVerify, { input: { ids: [...ids], concurrency } })).upstreamKeyVerify;
}

export async function cancelJob(id: string): Promise<void> {
  await mutate(JobCancel, { input: { id } });
}
