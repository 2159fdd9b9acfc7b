import { z } from 'zod';
import type { GeminiClient } from '../gemini/gemini-client.ts';
import { isTunedModel } from '../gemini/model-name.ts';
import type { ModelCard } from '../gemini/types.ts';
import { isAccepted, restOf } from '../pool/choose-key.ts';
import { classifyFailure } from '../pool/classify-failure.ts';
import type { Pool } from '../pool/pool.ts';
import type { PoolKey } from '../pool/pool-key.ts';
import { isModelId, plainId } from './model-id.ts';

/** What Google offers to the keys of the pool, by id: lists differ from project to project, so this is their union. Kept in memory. */
export interface ModelCards {
  /** Empty while no list was ever read. An old list is better than none. */
  all(): ReadonlyMap<string, ModelCard>;
  /** Starts reading anew when that is due. Settles at once, except for the very first list: that is waited for, but not long. */
  freshen(): Promise<void>;
}

export interface ModelCardsParts {
  pool: Pick<Pool, 'keys' | 'get' | 'noteCheck' | 'onChange'>;
  gemini: Pick<GeminiClient, 'listModels'>;
  /** Wall clock, ms since 1970. */
  now(): number;
  delay(ms: number): Promise<void>;
}

const freshMs = 3_600_000;
/** Until the next try after one that brought nothing. */
const retryMs = 60_000;
/** Claude Code gives a list three seconds. */
const firstListWaitMsMax = 2000;
/** A large pool is read bit by bit: these keys now, others in an hour. */
const keysPerRefreshMax = 3;
/** The list is open to every accepted key, whatever its quotas are. */
const noModel = '';

export function createModelCards({ pool, gemini, now, delay }: ModelCardsParts): ModelCards {
  const cards = new Map<string, ModelCard>();
  /** By key: the ids it sees. Most keys see the same, so equal sets are kept once. */
  const seenBy = new Map<string, ReadonlySet<string>>();
  const triedAt = new Map<string, number>();
  const firstList = Promise.withResolvers<void>();
  let firstWait: Promise<void> | null = null;
  let isRefreshing = false;
  let dueAtMs = Number.NEGATIVE_INFINITY;

  pool.onChange(({ kind }) => {
    // It may see more than the others.
    if (kind === 'added') dueAtMs = Number.NEGATIVE_INFINITY;
  });

  /** Usable keys, those first whose list is oldest. */
  function nextKeys(): PoolKey[] {
    const lastTry = ({ id }: PoolKey) => triedAt.get(id) ?? Number.NEGATIVE_INFINITY;
    return pool
      .keys()
      .filter((key) => isAccepted(key, now()) && restOf(key, noModel, now()) === null)
      .sort((a, b) => (lastTry(a) < lastTry(b) ? -1 : Number(lastTry(a) > lastTry(b))))
      .slice(0, keysPerRefreshMax);
  }

  async function refresh(keys: PoolKey[]): Promise<void> {
    isRefreshing = true;
    let isRead = false;
    for (const key of keys) {
      if (!(await readWith(key))) continue;
      isRead = true;
      firstList.resolve();
    }
    if (isRead) forget();
    firstList.resolve();
    dueAtMs = now() + (isRead ? freshMs : retryMs);
    isRefreshing = false;
  }

  async function readWith(key: PoolKey): Promise<boolean> {
    triedAt.set(key.id, now());
    const end = await gemini.listModels(key);
    if (end.kind === 'aborted') return false;
    if (end.kind !== 'listed') {
      pool.noteCheck(key.id, classifyFailure(end, now()));
      return false;
    }
    pool.noteCheck(key.id, null);
    const read = end.models.map(readCard).filter((card) => card !== null);
    for (const card of read) cards.set(plainId(card.name), card);
    seenBy.set(key.id, shared(new Set(read.map((card) => plainId(card.name)))));
    return read.length > 0;
  }

  function shared(ids: ReadonlySet<string>): ReadonlySet<string> {
    const isSame = (other: ReadonlySet<string>) => other.size === ids.size && [...ids].every((id) => other.has(id));
    return [...new Set(seenBy.values())].find(isSame) ?? ids;
  }

  /** What no key of the pool sees any more. */
  function forget(): void {
    for (const id of triedAt.keys()) if (!pool.get(id)) triedAt.delete(id);
    for (const id of seenBy.keys()) if (!pool.get(id)) seenBy.delete(id);
    const lists = [...new Set(seenBy.values())];
    for (const id of cards.keys()) if (!lists.some((list) => list.has(id))) cards.delete(id);
  }

  return {
    all: () => cards,
    async freshen() {
      const keys = !isRefreshing && now() >= dueAtMs ? nextKeys() : [];
      if (keys.length > 0) {
        void refresh(keys);
        firstWait ??= Promise.race([firstList.promise, delay(firstListWaitMsMax)]);
      }
      await firstWait;
    },
  };
}

const cardShape = z.looseObject({
  name: z.string(),
  displayName: z.string().min(1).optional().catch(undefined),
  description: z.string().min(1).optional().catch(undefined),
  inputTokenLimit: z.int().positive().optional().catch(undefined),
  outputTokenLimit: z.int().positive().optional().catch(undefined),
  supportedGenerationMethods: z.array(z.string()).optional().catch(undefined),
  thinking: z.boolean().optional().catch(undefined),
  topK: z.number().optional().catch(undefined),
});

/** A card as Google sent it, without those fields that are not what they should be; null when it names no model. */
export function readCard(value: unknown): ModelCard | null {
  const { data } = cardShape.safeParse(value);
  const id = plainId(data?.name ?? '');
  if (!data || !isModelId(id) || isTunedModel(id)) return null;
  const known = Object.entries(data).filter(([, field]) => field !== undefined && field !== null);
  return { ...Object.fromEntries(known), name: `models/${id}` };
}
