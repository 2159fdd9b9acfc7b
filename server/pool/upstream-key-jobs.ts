import type { GeminiClient } from '../gemini/gemini-client.ts';
import type { Job, JobRow, Jobs } from '../jobs/jobs.ts';
import { Refusal } from '../ledger/commands.ts';
import { maskKey } from '../secrets/vault.ts';
import { classifyFailure } from './classify-failure.ts';
import { checkKeys, type FoundKey, findKeys } from './find-keys.ts';
import type { Pool } from './pool.ts';
import type { UpstreamKeys } from './upstream-keys.ts';

/** Work on many keys of the pool at once. One job of a kind runs at a time. */
export interface UpstreamKeyJobs {
  /** Adds the keys in a pasted text or in a list; `problem` when there is none to add. @throws Refusal while another import runs */
  startImport(input: string | readonly string[], actor: string): Job | { problem: string };
  /** Asks Google about each key; null means all. @throws Refusal while another check runs */
  startVerify(ids: readonly string[] | null): Job;
}

interface UpstreamKeyJobsParts {
  jobs: Jobs;
  upstreamKeys: Pick<UpstreamKeys, 'add'>;
  pool: Pool;
  gemini: Pick<GeminiClient, 'listModels'>;
  /** Wall clock, ms since 1970. */
  now(): number;
}

type RowResult = Omit<JobRow, 'number'>;

const importKind = 'UPSTREAM_KEY_IMPORT';
const verifyKind = 'UPSTREAM_KEY_VERIFY';
/** Additions that wait together are committed together. */
const importConcurrency = 32;
const verifyConcurrency = 4;

export function createUpstreamKeyJobs(parts: UpstreamKeyJobsParts): UpstreamKeyJobs {
  const { jobs, upstreamKeys, pool, gemini, now } = parts;

  function refuseWhileRunning(kind: string): void {
    const isRunning = jobs.list().some((job) => job.kind === kind && job.status === 'RUNNING');
    if (isRunning) throw new Refusal('conflict', 'Such a job is running already. Wait for its end or cancel it.');
  }

  async function importKey({ text, problem }: FoundKey, actor: string): Promise<RowResult> {
    const maskedKey = maskKey(text);
    if (problem !== null) return { maskedKey, outcome: 'INVALID', message: problem, upstreamKeyId: null };
    const { outcome, id } = await upstreamKeys.add(text, 'IMPORT', actor);
    return { maskedKey, outcome, message: null, upstreamKeyId: id };
  }

  /** A list of models costs no quota. Only a clear refusal of the key makes it invalid; a limit or an outage says nothing of it. */
  async function verifyKey(id: string): Promise<RowResult> {
    const key = pool.get(id);
    const row = { maskedKey: key?.maskedKey ?? '', upstreamKeyId: key ? id : null };
    if (!key) return { ...row, outcome: 'SKIPPED', message: 'There is no such key any more.' };
    const end = await gemini.listModels(key.apiKey);
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

  return {
    startImport(input, actor) {
      const found = typeof input === 'string' ? findKeys(input) : checkKeys(input);
      if ('problem' in found) return found;
      refuseWhileRunning(importKind);
      const options = { concurrency: importConcurrency };
      return jobs.start(importKind, found.keys, (key) => importKey(key, actor), options);
    },
    startVerify(ids) {
      refuseWhileRunning(verifyKind);
      const all = ids ?? pool.keys().map(({ id }) => id);
      return jobs.start(verifyKind, [...new Set(all)], verifyKey, { concurrency: verifyConcurrency });
    },
  };
}
