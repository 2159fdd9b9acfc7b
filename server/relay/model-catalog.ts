import type { GeminiClient } from '../gemini/gemini-client.ts';
import type { ModelCard } from '../gemini/types.ts';
import type { Pool } from '../pool/pool.ts';

/** The models that Google offers to the pool's keys; asked for rarely, kept in memory. */
export interface ModelCatalog {
  /** The newest list to be had: an old one is better than none. Empty when there was never one. */
  list(): Promise<ModelCard[]>;
  /** Known only once a list has been read. */
  outputTokenLimit(model: string): number | undefined;
}

const freshMs = 3_600_000;
/** Any name: the list is open to every accepted key, whatever its quotas are. */
const noModel = '';

export function createModelCatalog(
  pool: Pool,
  gemini: Pick<GeminiClient, 'listModels'>,
  now: () => number,
): ModelCatalog {
  let cards = new Map<string, ModelCard>();
  let readAt = Number.NEGATIVE_INFINITY;
  let reading: Promise<void> | null = null;

  async function refresh(): Promise<void> {
    const choice = pool.choose(noModel);
    if (!('key' in choice)) return;
    const answer = await gemini.listModels(choice.key.apiKey);
    if (answer.kind !== 'listed') return;
    cards = new Map(answer.models.map((card) => [card.name.replace(/^models\//, ''), card]));
    readAt = now();
  }

  return {
    async list() {
      if (now() - readAt > freshMs) {
        reading ??= refresh().finally(() => {
          reading = null;
        });
        await reading;
      }
      return [...cards.values()];
    },
    outputTokenLimit: (model) => cards.get(model)?.outputTokenLimit,
  };
}
