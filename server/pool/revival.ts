import type { GeminiClient } from '../gemini/gemini-client.ts';
import { classifyFailure } from './classify-failure.ts';
import type { Pool } from './pool.ts';
import type { PoolKey } from './pool-key.ts';

/** Asks Google from time to time whether rejected keys are good again, so that no client's request has to find out. */
export interface Revival {
  /** Probes the keys that are due, one after the other. */
  probeDue(): Promise<void>;
  stop(): void;
}

interface RevivalParts {
  pool: Pick<Pool, 'keys' | 'get' | 'noteCheck'>;
  gemini: Pick<GeminiClient, 'read'>;
  /** Wall clock, ms since 1970. */
  now(): number;
}

/** A rejection ends by itself after a day: until then is time enough to try again when Google does not answer. */
const beforeEndMs = 1_800_000;
const everyMs = 60_000;
/** Probes of one round: a large pool is not probed all at once. */
const probesMax = 20;
/** The cheapest call there is: it uses no quota. */
const probePath = '/v1beta/models?pageSize=1';

/** The keys to probe now, the longest due first. Those that Google takes back for nothing (leaked, suspended) wait for somebody to act. Pure. */
export function dueKeys<Key extends Pick<PoolKey, 'isEnabled' | 'rejection'>>(
  keys: readonly Key[],
  nowMs: number,
): Key[] {
  const endOf = ({ isEnabled, rejection }: Key) => (isEnabled && rejection?.untilMs) || Infinity;
  return keys
    .filter((key) => endOf(key) - beforeEndMs <= nowMs)
    .sort((a, b) => endOf(a) - endOf(b))
    .slice(0, probesMax);
}

/** Begins at once. */
export function startRevival({ pool, gemini, now }: RevivalParts): Revival {
  let isBusy = false;

  async function probe(key: PoolKey): Promise<void> {
    const { id } = key;
    const end = await gemini.read(probePath, key);
    if (end.kind === 'aborted' || !pool.get(id)?.rejection) return;
    // A limit or an outage says nothing about the key.
    pool.noteCheck(id, end.kind === 'answered' ? null : classifyFailure(end, now()));
  }

  async function probeDue(): Promise<void> {
    if (isBusy) return;
    isBusy = true;
    try {
      for (const key of dueKeys(pool.keys(), now())) await probe(key);
    } finally {
      isBusy = false;
    }
  }

  const timer = setInterval(() => void probeDue(), everyMs);
  timer.unref();
  void probeDue();
  return { probeDue, stop: () => clearInterval(timer) };
}
