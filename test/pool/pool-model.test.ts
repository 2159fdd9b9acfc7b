import fc from 'fast-check';
import { expect, test } from 'vitest';
import { classifyFailure, type Failure } from '../../server/pool/classify-failure.ts';
import { nextPacificMidnight } from '../../server/pool/pacific-midnight.ts';
import { type AttemptResult, createPool, type KeyChange, type Pool, type Wanted } from '../../server/pool/pool.ts';
import type { NewPoolKey } from '../../server/pool/pool-key.ts';

const hour = 3_600_000;
const day = 24 * hour;
const start = Date.parse('2026-11-23T12:00:00Z');
const models = ['gemini-3.8-flash', 'gemini-2.5-pro'] as const;

/** What Google may say, and what that does to a key, in the plainest words there are. */
interface Answer {
  status: number;
  message: string;
  effect?: (key: ModelKey, model: string, now: number) => void;
}

/** A key as the plain model has it: times until which it may not be called. */
interface ModelKey {
  isEnabled: boolean;
  rejectedUntil: number;
  restsUntil: number;
  restsFor: Map<string, number>;
  unexplained: number;
  /** Failures of the network in a row that it alone had. */
  lonely: number;
  /** Models that Google refused for a day or more, with the time until which no second call finds out whether that is over. */
  probation: Map<string, number>;
}

const rest = (ms: (now: number, key: ModelKey) => number) => (key: ModelKey, model: string, now: number) =>
  void key.restsFor.set(model, now + ms(now, key));
const answers: Record<string, Answer | null> = {
  success: null,
  minute: { status: 429, message: 'Quota exceeded. Please retry in 30s.', effect: rest(() => 33_000) },
  day: {
    status: 429,
    message: 'Quota exceeded: requests per day.',
    effect: rest((now) => nextPacificMidnight(now) - now),
  },
  unexplained: {
    status: 429,
    message: 'Resource has been exhausted (e.g. check quota).',
    effect: rest((_now, key) => Math.min(600_000, 30_000 * 2 ** key.unexplained++)),
  },
  noQuota: { status: 429, message: 'Quota exceeded, limit: 0, model: x', effect: rest(() => day) },
  invalid: {
    status: 400,
    message: 'API key not valid. Please pass a valid API key.',
    effect: (key, _model, now) => {
      key.rejectedUntil = now + day;
    },
  },
  leaked: {
    status: 403,
    message: 'Your API key was reported as leaked.',
    effect: (key) => {
      key.rejectedUntil = Number.POSITIVE_INFINITY;
    },
  },
  denied: { status: 403, message: 'The caller does not have permission', effect: rest(() => day) },
  billing: {
    status: 429,
    message: 'Your prepayment credits are depleted.',
    effect: (key, _model, now) => {
      key.restsUntil = now + 6 * hour;
    },
  },
  badRequest: { status: 400, message: 'Request contains an invalid argument.' },
  tooLong: { status: 400, message: 'The input token count (9) exceeds the maximum number of tokens allowed (8).' },
  region: { status: 400, message: 'User location is not supported for the API use.' },
  signature: { status: 400, message: 'Function call is missing a thought_signature.' },
  internal: { status: 500, message: 'Internal error encountered.' },
};
const kinds = Object.keys(answers);

const which = fc.nat(20);
const model = fc.constantFrom(...models);
const step = fc.oneof(
  {
    weight: 6,
    arbitrary: fc.record({
      kind: fc.constant('call'),
      model,
      says: fc.array(fc.constantFrom(...kinds), { minLength: 1, maxLength: 8 }),
    }),
  },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant('wait'), ms: fc.oneof(fc.nat(120_000), fc.nat(2 * day)) }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('add') }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('remove'), which }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('switch'), which, isEnabled: fc.boolean() }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('restart') }) },
);
type Step = typeof step extends fc.Arbitrary<infer Value> ? Value : never;

/** A pool, what is stored of it, and the plain model of it. */
class World {
  now = start;
  readonly plain = new Map<string, ModelKey>();
  readonly stored = new Map<string, NewPoolKey>();
  pool: Pool;
  #added = 0;
  #lastAnswer: { id: string; at: number } | null = null;

  constructor() {
    this.pool = this.#open();
    for (let count = 0; count < 3; count++) this.add();
  }

  add(): void {
    const id = `k${++this.#added}`;
    const key = { id, apiKey: `key-${id}`, maskedKey: 'k…', isEnabled: true, rejection: null };
    this.plain.set(id, {
      isEnabled: true,
      rejectedUntil: 0,
      restsUntil: 0,
      restsFor: new Map(),
      unexplained: 0,
      lonely: 0,
      probation: new Map(),
    });
    this.stored.set(id, { ...key, rest: null, rests: new Map() });
    this.pool.add(key);
  }

  /** All that a process knows is gone, but for what was stored of the changes. */
  restart(): void {
    this.pool = this.#open();
    for (const key of this.stored.values()) this.pool.add({ ...key, rests: new Map(key.rests) });
    // How often in a row a key was refused without a word begins anew.
    for (const key of this.plain.values()) {
      key.unexplained = 0;
      key.lonely = 0;
      key.probation.clear();
    }
    this.#lastAnswer = null;
  }

  #open(): Pool {
    const delay = async (ms: number) => {
      this.now += ms;
    };
    const pool = createPool({ now: () => this.now, random: () => 0.5, delay });
    pool.onChange((change) => this.#store(change));
    return pool;
  }

  #store(change: KeyChange): void {
    const stored = this.stored.get(change.key.id);
    if (!stored) return;
    const { kind } = change;
    if (kind === 'removed') this.stored.delete(stored.id);
    if (kind === 'switched') stored.isEnabled = change.key.isEnabled;
    if (kind === 'rejected' || kind === 'restored') stored.rejection = change.key.rejection;
    if (kind === 'rested' && change.model === null) stored.rest = change.rest;
    if (kind === 'rested' && change.model !== null) stored.rests?.set(change.model, change.rest);
  }

  isFree(id: string, of: string): boolean {
    const key = this.plain.get(id);
    return key?.isEnabled === true && key.rejectedUntil <= this.now && this.#wakes(key, of) <= this.now;
  }

  #wakes(key: ModelKey, of: string): number {
    return Math.max(key.restsUntil, key.restsFor.get(of) ?? 0);
  }

  /** When the first key wakes that only rests; null when there is none. */
  earliest(of: string): number | null {
    const usable = [...this.plain.values()].filter((key) => key.isEnabled && key.rejectedUntil <= this.now);
    const waking = usable.map((key) => this.#wakes(key, of)).filter((until) => until > this.now);
    return waking.length > 0 ? Math.min(...waking) : null;
  }

  /** Whether a call is out, or was just now, that finds out whether a refusal for long is over: then the key may be held back, or not. */
  isProbed(id: string, of: string): boolean {
    return (this.plain.get(id)?.probation.get(of) ?? 0) > this.now;
  }

  note(id: string, of: string, kind: string): void {
    const key = this.plain.get(id) as ModelKey;
    if (key.probation.has(of)) key.probation.set(of, this.now + 1000);
    if (kind === 'day' || kind === 'noQuota') key.probation.set(of, 0);
    const isAlone = this.#lastAnswer !== null && this.#lastAnswer.id !== id && this.now - this.#lastAnswer.at < 60_000;
    if (kind === 'internal' && isAlone && ++key.lonely >= 5)
      key.restsUntil = this.now + Math.min(600_000, 5000 * 2 ** (key.lonely - 5));
    if (kind === 'success') {
      this.#lastAnswer = { id, at: this.now };
      key.lonely = 0;
      key.probation.delete(of);
      key.unexplained = 0;
      key.rejectedUntil = 0;
    }
    answers[kind]?.effect?.(key, of, this.now);
  }

  failure(kind: string): Failure {
    const { status, message } = answers[kind] as Answer;
    return classifyFailure({ kind: 'error', status, text: JSON.stringify({ error: { message } }) }, this.now);
  }
}

/** So many keys are asked for one request. */
const switchesMax = 6;
const caller = { clientKeyId: 'ck_1', bodyBytes: 100, isGone: () => false, onGone() {} };

/** One request; the last word is repeated when there are more tries than words. */
async function call(world: World, of: string, says: readonly string[]): Promise<void> {
  const wanted: Wanted = { model: of };
  const first = await world.pool.pick(wanted, caller);
  if (!first || !('key' in first)) return;
  const asked = new Set<string>();
  let tries = 0;
  let recorded = 0;
  const result = await world.pool.run<string>({
    wanted,
    caller,
    first,
    maySwitch: () => true,
    async attempt(key, repair): Promise<AttemptResult<string>> {
      const kind = says[Math.min(tries++, says.length - 1)] as string;
      // A repair goes to the same key at once, whatever else happened to that key.
      if (!repair) expect(world.isFree(key.id, of)).toBe(true);
      asked.add(key.id);
      world.note(key.id, of, kind);
      return kind === 'success' ? { kind: 'answered', value: kind } : { kind: 'failed', failure: world.failure(kind) };
    },
    async attemptFailed() {
      recorded++;
    },
  });
  expect(recorded).toBe(tries - 1);
  // While a key can serve that was not asked, no client hears of the troubles of others.
  const blamesKey = result.kind === 'failed' && result.failure.retry === 'next-key';
  const unasked = [...world.plain.keys()].filter(
    (id) => !asked.has(id) && world.isFree(id, of) && !world.isProbed(id, of),
  );
  if (blamesKey && tries < switchesMax) expect(unasked).toEqual([]);
  expect(world.pool.keys().every(({ inFlight }) => inFlight === 0)).toBe(true);
}

async function apply(world: World, happened: Step): Promise<void> {
  const ids = [...world.plain.keys()];
  const id = 'which' in happened ? ids[happened.which % (ids.length || 1)] : undefined;
  if (happened.kind === 'add') world.add();
  if (happened.kind === 'restart') world.restart();
  if ('ms' in happened) world.now += happened.ms;
  if ('says' in happened) await call(world, happened.model, happened.says);
  if (id === undefined) return;
  if ('isEnabled' in happened) {
    world.pool.setEnabled(id, happened.isEnabled);
    (world.plain.get(id) as ModelKey).isEnabled = happened.isEnabled;
  } else {
    world.pool.remove(id);
    world.plain.delete(id);
  }
}

function check(world: World): void {
  for (const of of models) {
    const free = [...world.plain.keys()].filter((id) => world.isFree(id, of));
    const choice = world.pool.choose({ model: of });
    if ('key' in choice) {
      expect(free).toContain(choice.key.id);
      continue;
    }
    expect(free.filter((id) => !world.isProbed(id, of))).toEqual([]);
    if (free.length === 0) expect(choice.earliestMs).toBe(world.earliest(of));
  }
}

test('whatever happens, the pool calls the keys that a plain model of it has as free, and none other', async () => {
  const history = fc.array(step, { minLength: 100, maxLength: 100 });
  await fc.assert(
    fc.asyncProperty(history, async (steps) => {
      const world = new World();
      for (const happened of steps) {
        await apply(world, happened);
        check(world);
      }
    }),
    { numRuns: 1000 },
  );
});
