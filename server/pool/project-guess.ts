import { keepNewest } from './keep-newest.ts';

/** A refusal for a quota, as the guess looks at it. Times are ms since 1970. */
export interface RunOut {
  keyId: string;
  model: string;
  /** A minute's quota or a day's, and its limit: keys of one project have the same. */
  quota: string;
  /** When Google refused. */
  atMs: number;
  /** When there will be quota again. */
  untilMs: number;
  /** When the key last served the model; before the beginning: never. */
  lastServedMs: number;
}

/**
 * Finds keys that seem to belong to one project, by the run-outs of their quotas: keys of one project run out together, always. A key that
 * still served after another one's refusal, and before the other had quota again, is of another project.
 */
export interface ProjectGuess {
  noteRunOut(runOut: RunOut): void;
  /** Ids of keys that ran out together every time, at least twice. */
  groups(): string[][];
  forget(keyId: string): void;
}

interface Pair {
  a: string;
  b: string;
  /** On how many occasions they ran out together, and how often one still served after the other. */
  together: number;
  apart: number;
  lastMs: number;
}

/** Run-outs that are compared, by model and quota: keys of one project are refused soon after one another. */
const comparedMax = 50;
const modelsMax = 200;
const pairsMax = 100_000;
/** Refusals that follow one another more closely are one occasion. */
const occasionMs = 120_000;
const timesMin = 2;
/** One exception in so many times. */
const exceptionsMax = 5;

export function createProjectGuess(): ProjectGuess {
  const recent = new Map<string, RunOut[]>();
  const pairs = new Map<string, Pair>();

  function pairOf(one: string, other: string): Pair {
    const [a, b] = one < other ? [one, other] : [other, one];
    const name = `${a} ${b}`;
    const known = pairs.get(name);
    if (known) return known;
    const fresh = { a, b, together: 0, apart: 0, lastMs: Number.NEGATIVE_INFINITY };
    pairs.set(name, fresh);
    keepNewest(pairs, pairsMax);
    return fresh;
  }

  function compare(earlier: RunOut, later: RunOut): void {
    const pair = pairOf(earlier.keyId, later.keyId);
    if (later.lastServedMs > earlier.atMs) pair.apart++;
    else if (later.atMs - pair.lastMs > occasionMs) {
      pair.together++;
      pair.lastMs = later.atMs;
    }
  }

  return {
    noteRunOut(runOut) {
      const name = `${runOut.model} ${runOut.quota}`;
      const others = recent.get(name) ?? [];
      for (const other of others)
        if (other.keyId !== runOut.keyId && other.untilMs > runOut.atMs) compare(other, runOut);
      const running = others.filter(({ keyId, untilMs }) => keyId !== runOut.keyId && untilMs > runOut.atMs);
      recent.delete(name);
      recent.set(name, [...running, runOut].slice(-comparedMax));
      keepNewest(recent, modelsMax);
    },
    groups: () => groupsOf([...pairs.values()]),
    forget(keyId) {
      for (const [name, { a, b }] of pairs) if (a === keyId || b === keyId) pairs.delete(name);
    },
  };
}

/** Keys that hang together by pairs; without those who do so through others only, and did not run out together themselves. */
function groupsOf(pairs: readonly Pair[]): string[][] {
  const together = pairs.filter(isTogether);
  const groups: Set<string>[] = [];
  for (const { a, b } of together) {
    const joined = groups.filter((group) => group.has(a) || group.has(b));
    const rest = groups.filter((group) => !joined.includes(group));
    groups.splice(0, groups.length, ...rest, new Set([a, b, ...joined.flatMap((group) => [...group])]));
  }
  const apart = new Set(pairs.filter((pair) => pair.apart > 0 && !isTogether(pair)).map(({ a, b }) => `${a} ${b}`));
  const isWhole = (group: readonly string[]) => group.every((a) => group.every((b) => !apart.has(`${a} ${b}`)));
  return groups.map((group) => [...group].sort()).filter(isWhole);
}

/** Google's counts are not exact: now and then one of two is let through. */
function isTogether({ together, apart }: Pair): boolean {
  return together >= timesMin && together >= apart * exceptionsMax;
}
