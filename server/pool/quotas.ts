import type { Rest } from './choose-key.ts';
import type { Failure, FailureClass, KeyAction } from './classify-failure.ts';
import { keepNewest } from './keep-newest.ts';
import { createProjectGuess } from './project-guess.ts';
import type { QuotaKind, QuotaLimit } from './quota.ts';
import { type QuotaCaps, QuotaMeter, type QuotaUse, type TierLimits } from './quota-meter.ts';

/** Whose quota a key uses. */
export interface QuotaUser {
  id: string;
  /** The project that is known to be its own; null: none is, and it is taken for one by itself. */
  project: string | null;
  /** What the operator allows, by model; null: whatever Google does. */
  caps: ((model: string) => QuotaCaps | null) | null;
}

/** A call that was counted before it was made. */
export interface Taken {
  meter: QuotaMeter;
  slot: number;
  tokens: number;
  /** ms since 1970. */
  atMs: number;
}

/** What the projects behind the keys have used, model by model, and what Google has told of their quotas. All in memory. */
export interface Quotas {
  /** What keeps a key back from one more request; null when there is room. @param tokens Of its prompt, about. */
  hold(key: QuotaUser, model: string, tokens: number, nowMs: number): Rest | null;
  /** How much of its scarcest quota is used, 0 to 1 and above. */
  usedShare(key: QuotaUser, model: string, nowMs: number): number;
  requestsToday(key: QuotaUser, model: string, nowMs: number): number;
  /** Counts a call that is about to be made. */
  take(key: QuotaUser, model: string, tokens: number, nowMs: number): Taken;
  /** The call was answered. @param tokens Of its prompt, as Google counted them. */
  settle(taken: Taken, tokens: number): void;
  /** The call was not made. */
  giveBack(taken: Taken): void;
  /** The call was not answered; a refusal for a quota tells what it is. @returns the limits that were not known */
  noteFailure(taken: Taken, key: QuotaUser, model: string, failure: Failure, nowMs: number): readonly QuotaLimit[];
  /** What is known of a key's quotas, by model. */
  known(key: QuotaUser, nowMs: number): { model: string; quotas: QuotaUse[] }[];
  /** A key is gone, and with it what was only its own. */
  forget(key: QuotaUser): void;
  /** Groups of keys without a project that seem to have one in common: they always run out together. */
  projectGuess(): string[][];
  /** From now on a key that was taken for a project by itself uses the quotas of a project. To be called before the key has that project. */
  join(key: QuotaUser, project: string, nowMs: number): void;
  /** Takes in what was known and used before a restart. */
  recall(
    key: QuotaUser,
    model: string,
    known: { limits?: readonly QuotaLimit[]; learnedAtMs?: number; requests?: number; tokens?: number },
    nowMs: number,
  ): void;
}

const longRestMs = 3_600_000;
const tiersMax = 8;
/** Clients name models freely: beyond it the model that was met first is forgotten. */
const modelsMax = 200;

export function createQuotas(): Quotas {
  const guess = createProjectGuess();
  /** By model, then by project. */
  const meters = new Map<string, Map<string, QuotaMeter>>();
  /** By model. */
  const tierLimits = new Map<string, TierLimits>();
  /** Models that share the quota of another, as Google names it. */
  const quotaModels = new Map<string, string>();

  const projectOf = ({ id, project }: QuotaUser) => project ?? id;
  const find = (key: QuotaUser, model: string) =>
    meters.get(quotaModels.get(model) ?? model)?.get(projectOf(key)) ?? null;

  function metersOf(model: string): Map<string, QuotaMeter> {
    const known = meters.get(model);
    if (known) return known;
    const fresh = new Map<string, QuotaMeter>();
    meters.set(model, fresh);
    tierLimits.set(model, {});
    keepNewest(meters, modelsMax);
    keepNewest(tierLimits, modelsMax);
    return fresh;
  }

  function learn(key: QuotaUser, model: string, failure: Failure, nowMs: number): QuotaLimit[] {
    const { class: name, limits, keyAction } = failure;
    const meter = open(key, model, nowMs);
    const known = meter.uses(nowMs);
    const fresh = limits.filter(({ kind, limit }) => !known.some((use) => use.kind === kind && use.limit === limit));
    noteLimits(model, limits);
    const hit = quotaHit(name, limits);
    const isShared = meter.learn(limits, hit, nowMs);
    if (isShared && key.project === null && keyAction.kind === 'rest-model') {
      const limit = limits.find(({ kind }) => kind === hit)?.limit;
      const { lastServedMs } = meter;
      const { untilMs } = keyAction;
      guess.noteRunOut({ keyId: key.id, model, quota: `${hit} ${limit}`, atMs: nowMs, untilMs, lastServedMs });
    }
    return fresh;
  }

  function noteLimits(model: string, limits: readonly QuotaLimit[]): void {
    const known = tierLimits.get(quotaModels.get(model) ?? model) ?? {};
    for (const { kind, limit } of limits)
      if (!known[kind]?.includes(limit)) known[kind] = [...(known[kind] ?? []), limit].slice(-tiersMax);
  }

  function current(key: QuotaUser, model: string, nowMs: number): QuotaMeter | null {
    const meter = find(key, model);
    meter?.advance(nowMs);
    return meter;
  }

  function open(key: QuotaUser, model: string, nowMs: number): QuotaMeter {
    const name = quotaModels.get(model) ?? model;
    const ofModel = metersOf(name);
    const meter = ofModel.get(projectOf(key)) ?? new QuotaMeter(tierLimits.get(name));
    ofModel.set(projectOf(key), meter);
    meter.advance(nowMs);
    return meter;
  }

  return {
    hold: (key, model, tokens, nowMs) => current(key, model, nowMs)?.hold(tokens, capsFor(key, model), nowMs) ?? null,
    usedShare: (key, model, nowMs) => current(key, model, nowMs)?.usedShare(capsFor(key, model), nowMs) ?? 0,
    requestsToday: (key, model, nowMs) => current(key, model, nowMs)?.requestsToday ?? 0,
    take(key, model, tokens, nowMs) {
      const meter = open(key, model, nowMs);
      return { meter, slot: meter.take(tokens, nowMs), tokens, atMs: nowMs };
    },
    settle: ({ meter, slot, tokens: counted, atMs }, tokens) => meter.settle(slot, tokens - counted, atMs),
    giveBack: ({ meter, slot, tokens }) => meter.giveBack(slot, tokens),
    noteFailure({ meter, slot, tokens }, key, model, failure, nowMs) {
      // What else fails may have been counted by Google, or not.
      if (failure.httpStatus !== 429 && failure.httpStatus !== 503) return [];
      meter.advance(nowMs);
      meter.giveBack(slot, tokens);
      const { quotaModel, keyAction } = failure;
      if (failure.httpStatus === 429 && lengthOf(keyAction, nowMs) > longRestMs) meter.putOnProbation();
      if (failure.limits.length === 0) return [];
      if (quotaModel !== null && quotaModel !== model) {
        quotaModels.set(model, quotaModel);
        keepNewest(quotaModels, modelsMax);
      }
      return learn(key, model, failure, nowMs);
    },
    projectGuess: guess.groups,
    join(key, project, nowMs) {
      for (const ofModel of meters.values()) {
        const own = ofModel.get(key.id);
        if (!own) continue;
        ofModel.delete(key.id);
        const common = ofModel.get(project);
        if (common) common.takeIn(own, nowMs);
        else ofModel.set(project, own);
      }
      guess.forget(key.id);
    },
    known: (key, nowMs) =>
      [...meters.keys()].flatMap((model) => {
        const quotas = current(key, model, nowMs)?.uses(nowMs) ?? [];
        return quotas.length > 0 ? [{ model, quotas }] : [];
      }),
    forget({ id }) {
      for (const ofModel of meters.values()) ofModel.delete(id);
      guess.forget(id);
    },
    recall(key, model, { limits = [], learnedAtMs, requests = 0, tokens = 0 }, nowMs) {
      const meter = open(key, model, nowMs);
      meter.recall(requests, tokens);
      meter.learn(limits, null, learnedAtMs ?? nowMs);
    },
  };
}

function capsFor({ caps }: QuotaUser, model: string): QuotaCaps | null {
  return caps === null ? null : caps(model);
}

/** The quota that was used up: a spent day also lists the minute's. Null when several could be meant. */
function quotaHit(name: FailureClass, limits: readonly QuotaLimit[]): QuotaKind | null {
  const period = name === 'key_model_day' ? 'per-day' : name === 'key_model_minute' ? 'per-minute' : null;
  const possible = new Set(
    period === null ? [] : limits.map(({ kind }) => kind).filter((kind) => kind.endsWith(period)),
  );
  const [hit = null, another = null] = possible;
  return another === null ? hit : null;
}

function lengthOf(action: KeyAction, nowMs: number): number {
  return action.kind === 'rest-model' ? action.untilMs - nowMs : 0;
}
