import type { Project, Quota, WorldKey } from './quota-world.ts';

const flash = 'gemini-3.8-flash';
const lite = 'gemini-3.5-flash-lite';

/** Google publishes no numbers any more: these have the proportions that were seen in 2026. */
const free = new Map<string, Quota>([
  [flash, { perMinute: 5, tokensPerMinute: 250_000, perDay: 100 }],
  [lite, { perMinute: 10, tokensPerMinute: 250_000, perDay: 500 }],
]);
const paid = new Map<string, Quota>([
  [flash, { perMinute: 30, tokensPerMinute: 200_000, perDay: 1500 }],
  // So few tokens that in a burst they run out before the requests do.
  [lite, { perMinute: 60, tokensPerMinute: 120_000, perDay: 2500 }],
]);
/** A project of a tier that has no quota for one of the models. */
const liteOnly = new Map<string, Quota>([[lite, { perMinute: 10, tokensPerMinute: 250_000, perDay: 500 }]]);

const invalid = { status: 400, message: 'API key not valid. Please pass a valid API key.' };
const leaked = { status: 403, message: 'Your API key was reported as leaked. Please use another API key.' };

/** 40 keys in 26 projects, of which two are dead. */
export function createKeys(): WorldKey[] {
  const groups: {
    count: number;
    keysEach: number;
    quotas: ReadonlyMap<string, Quota>;
    refusal?: WorldKey['refusal'];
  }[] = [
    { count: 12, keysEach: 1, quotas: free },
    { count: 4, keysEach: 3, quotas: free },
    { count: 5, keysEach: 1, quotas: paid },
    { count: 1, keysEach: 3, quotas: paid },
    { count: 2, keysEach: 2, quotas: liteOnly },
    { count: 1, keysEach: 2, quotas: free, refusal: invalid },
    { count: 1, keysEach: 2, quotas: free, refusal: leaked },
  ];
  const keys: WorldKey[] = [];
  let projectCount = 0;
  for (const { count, keysEach, quotas, refusal = null } of groups) {
    for (let index = 0; index < count; index++) {
      const project: Project = { id: `project-${++projectCount}`, quotas };
      for (let own = 0; own < keysEach; own++) keys.push({ id: `key-${keys.length + 1}`, project, refusal });
    }
  }
  return keys;
}

/** The projects whose keys Google accepts. */
export function liveProjects(keys: readonly WorldKey[]): Project[] {
  return [...new Set(keys.filter(({ refusal }) => refusal === null).map(({ project }) => project))];
}
