import type { GeminiClient } from '../gemini/gemini-client.ts';
import type { Job, JobRow, Jobs, JobWork } from '../jobs/jobs.ts';
import { maskKey } from '../secrets/vault.ts';
import { classifyFailure } from './classify-failure.ts';
import { countRows, type ImportCounts, type ImportInput, type ImportRow, planImport } from './plan-import.ts';
import type { Pool } from './pool.ts';
import type { UpstreamKeys } from './upstream-keys.ts';

/** Work on many keys of the pool at once. One job of a kind runs at a time. */
export interface UpstreamKeyJobs {
  /** What an import would do; changes nothing. `problem` when the whole would be refused. */
  previewImport(input: ImportInput): ImportPreview | { problem: string };
  /** Adds keys; `problem` when the whole is refused. @throws Refusal while another import runs; LedgerUnavailable */
  startImport(input: ImportInput, actor: string): Promise<Job | { problem: string }>;
  /** Asks Google about each key; null means all. @param concurrency 1 to `verifyConcurrencyMax`. @throws Refusal while another check runs; LedgerUnavailable */
  startVerify(ids: readonly string[] | null, concurrency: number, actor: string): Promise<Job>;
}

export interface ImportPreview extends ImportCounts {
  total: number;
  /** The first malformed rows. */
  problems: { number: number; maskedKey: string; message: string }[];
}

interface WorkParts {
  upstreamKeys: Pick<UpstreamKeys, 'importRows'>;
  pool: Pool;
  gemini: Pick<GeminiClient, 'listModels'>;
  /** Wall clock, ms since 1970. */
  now(): number;
}

const importKind = 'UPSTREAM_KEY_IMPORT';
const verifyKind = 'UPSTREAM_KEY_VERIFY';
/** Keys that are committed together: many enough to be quick, few enough that no request waits long for its own commit. */
const importBatchSize = 20;
export const verifyConcurrencyMax = 50;
const problemsMax = 100;

/** A key to verify: it may be deleted while it waits. */
interface VerifyRow {
  id: string;
  maskedKey: string;
}

/** What is done to a row of each kind of job. */
export function upstreamKeyWorks(parts: WorkParts): Record<string, JobWork> {
  const { upstreamKeys, pool, gemini, now } = parts;

  /** A list of models costs no quota. Only a clear refusal of the key makes it invalid; a limit or an outage says nothing of it. */
  async function verifyKey({ id, maskedKey }: VerifyRow): Promise<Omit<JobRow, 'number'>> {
    const key = pool.get(id);
    const row = { maskedKey, upstreamKeyId: key ? id : null };
    if (!key) return { ...row, outcome: 'SKIPPED', message: 'There is no such key any more.' };
    const end = await gemini.listModels(key);
    if (end.kind === 'aborted') return { ...row, outcome: 'INCONCLUSIVE', message: null };
    if (end.kind === 'listed') {
      pool.noteCheck(id, null);
      return { ...row, outcome: 'VALID', message: null };
    }
    const failure = classifyFailure(end, now());
    pool.noteCheck(id, failure);
    const outcome = failure.keyAction.kind === 'reject' ? 'INVALID' : 'INCONCLUSIVE';
    return { ...row, outcome, message: failure.message };
  }

  const importWork: JobWork<ImportRow> = {
    batchSize: importBatchSize,
    run: (batch, { id, actor }) =>
      upstreamKeys.importRows(
        id,
        batch.map(({ number, row }) => ({ ...row, number })),
        actor,
      ),
  };
  const verifyWork: JobWork<VerifyRow> = {
    batchSize: 1,
    run: async (batch, { record }) =>
      record(await Promise.all(batch.map(async ({ number, row }) => ({ number, ...(await verifyKey(row)) })))),
  };
  return { [importKind]: importWork, [verifyKind]: verifyWork };
}

export function createUpstreamKeyJobs({ jobs, pool }: { jobs: Jobs; pool: Pool }): UpstreamKeyJobs {
  return {
    previewImport(input) {
      const plan = planImport(input);
      if ('problem' in plan) return plan;
      const stored = new Set(pool.keys().map(({ apiKey }) => apiKey));
      const problems = plan.rows.flatMap(({ text, problem }, index) =>
        problem === null ? [] : { number: index + 1, maskedKey: maskKey(text), message: problem },
      );
      return { ...countRows(plan.rows, stored), total: plan.rows.length, problems: problems.slice(0, problemsMax) };
    },
    async startImport(input, actor) {
      const plan = planImport(input);
      if ('problem' in plan) return plan;
      // One batch after the other: the first of two equal rows is the one that is added.
      return jobs.start({ kind: importKind, rows: plan.rows, concurrency: 1, actor });
    },
    startVerify(ids, concurrency, actor) {
      const asked = ids ?? pool.keys().map(({ id }) => id);
      const rows = [...new Set(asked)].map((id) => ({ id, maskedKey: pool.get(id)?.maskedKey ?? '' }));
      return jobs.start({ kind: verifyKind, rows, concurrency, actor });
    },
  };
}
