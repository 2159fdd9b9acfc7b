import type { Price } from '../../composables/use-prices.ts';

/** Of a version: whether it holds now, did or will; `REPLACED` when another takes its place for as long as it would hold. */
export type VersionState = 'NOW' | 'LATER' | 'EARLIER' | 'REPLACED';

export interface ModelPrices {
  model: string;
  /** What holds now. */
  current: Price | null;
  /** Newest first. */
  versions: { price: Price; state: VersionState }[];
}

const startOf = ({ from }: Price) => (from === null ? 0 : Date.parse(from));
/** Of two from the same time on, the one that was set later is the correction; ids grow with time. */
const oldestFirst = (a: Price, b: Price) => startOf(a) - startOf(b) || (a.id < b.id ? -1 : 1);

/** The versions by model. Those that were set here count before those that are shipped, as they do where requests are priced. */
export function toModels(prices: readonly Price[], now: number): ModelPrices[] {
  const names = [...new Set(prices.map(({ model }) => model))].sort((a, b) => a.localeCompare(b));
  return names.map((name) => toModel(name, prices, now));
}

function toModel(model: string, prices: readonly Price[], now: number): ModelPrices {
  const all = prices.filter((price) => price.model === model);
  const own = all.filter(({ isOwn }) => isOwn).sort(oldestFirst);
  const shipped = all.filter(({ isOwn }) => !isOwn).sort(oldestFirst);
  const holding = (versions: readonly Price[]) => versions.findLast((price) => startOf(price) <= now);
  const current = holding(own) ?? holding(shipped) ?? null;
  const isReplaced = (price: Price) =>
    price.isOwn
      ? own.findLast((other) => startOf(other) === startOf(price)) !== price
      : own[0] !== undefined && startOf(own[0]) <= startOf(price);
  const stateOf = (price: Price): VersionState => {
    if (price === current) return 'NOW';
    if (isReplaced(price)) return 'REPLACED';
    return startOf(price) > now ? 'LATER' : 'EARLIER';
  };
  const versions = [...shipped, ...own].sort(oldestFirst).toReversed();
  return { model, current, versions: versions.map((price) => ({ price, state: stateOf(price) })) };
}
