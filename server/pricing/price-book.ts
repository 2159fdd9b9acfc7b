import { randomUUIDv7 } from 'node:crypto';
import type { Orm } from '../database.ts';
import type { Execute } from '../ledger/commands.ts';
import type { Charge, TokenUsage } from '../ledger/events.ts';
import { costAtMost, costOf, standardTier } from './cost-of.ts';
import { listPrices } from './list-prices.ts';
import { PriceRow } from './price.entity.ts';
import type { Price } from './price.ts';
import type { priceCommands } from './price-commands.ts';

/** What is priced: which model served how much, when, and at which of Google's tiers. */
export interface Priced {
  /** The version that answered, where it was told; its price counts before that of the model that was called. */
  servedModel: string | null;
  model: string;
  usage: TokenUsage;
  /** When the request began, ms since 1970. */
  startedAt: number;
  /** The standard one when absent. */
  serviceTier?: string | undefined;
}

/** What models cost: the prices that are shipped, under those that an operator has set. From memory. */
export interface PriceBook {
  /** The price of a model for requests that begin at a time (ms since 1970); null when none is known. */
  find(model: string, at: number): Price | null;
  get(id: string): Price | null;
  /** All versions that were set or shipped, by model, newest first. */
  all(): Price[];
  /** Undefined when no price is known. */
  charge(priced: Priced): Charge | undefined;
  /** The most that so many tokens can cost, picodollars; null when no price is known. */
  atMost(model: string, tokens: { inputTokens: number; outputTokens: number }, at: number): bigint | null;
  /** A new version; the others stay as they are. */
  set(price: Omit<Price, 'id'>, actor: string): Promise<Price>;
}

interface PriceBookParts {
  execute: Execute<typeof priceCommands>;
  orm: Orm;
}

/** Memory follows a command only once it was committed. */
export async function loadPriceBook({ execute, orm }: PriceBookParts): Promise<PriceBook> {
  const rows = await orm.em.fork().find(PriceRow, {}, { orderBy: { createdAt: 'asc' } });
  const own = new Map<string, Price[]>();
  const listed = Map.groupBy(listPrices, ({ model }) => model);
  const byId = new Map(listPrices.map((price) => [price.id, price]));

  /** Of two that hold from the same time on, the later one is the correction. */
  function take(price: Price): void {
    const versions = [...(own.get(price.model) ?? []), price].sort((a, b) => a.fromMs - b.fromMs);
    own.set(price.model, versions);
    byId.set(price.id, price);
  }
  for (const row of rows) take(toPrice(row));

  const versionAt = (versions: readonly Price[] | undefined, at: number) =>
    versions?.findLast(({ fromMs }) => fromMs <= at) ?? null;
  const find = (model: string, at: number) => versionAt(own.get(model), at) ?? versionAt(listed.get(model), at);

  return {
    find,
    get: (id) => byId.get(id) ?? null,
    all: () =>
      [...byId.values()].sort((a, b) => (a.model === b.model ? b.fromMs - a.fromMs : a.model < b.model ? -1 : 1)),
    charge({ servedModel, model, usage, startedAt, serviceTier = standardTier }) {
      if (usage.totalTokens === 0) return undefined;
      const price = (servedModel !== null && find(servedModel, startedAt)) || find(model, startedAt);
      const cost = price && costOf(usage, price, serviceTier);
      return price && cost !== null ? { costPico: String(cost), priceId: price.id } : undefined;
    },
    atMost(model, { inputTokens, outputTokens }, at) {
      const price = find(model, at);
      return price && costAtMost({ inputTokens, outputTokens, cachedInputTokens: 0 }, price);
    },
    async set(wanted, actor) {
      const price = { ...wanted, id: `pr_${randomUUIDv7().replaceAll('-', '')}` };
      await execute('price.set', { price, actor });
      take(price);
      return price;
    },
  };
}

function toPrice({ id, model, fromMs, rates, longContext, tierPercents, source }: PriceRow): Price {
  return { id, model, fromMs, rates, longContext: longContext ?? null, tierPercents, source };
}
