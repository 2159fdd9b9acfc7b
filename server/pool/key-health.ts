import { lonelyFailuresMax, type Rest } from './choose-key.ts';
import type { Failure } from './classify-failure.ts';
import { keepNewest } from './keep-newest.ts';
import type { PoolKey } from './pool-key.ts';

/** What became of a key's state; null: nothing that can be seen. */
export type HealthChange = 'rejected' | 'restored' | 'rested' | null;

/** Clients name models freely: a key remembers no more of them than this. */
const modelsMax = 200;
/** A key that is denied so many models in a row, without serving one, is set up wrongly. */
const deniedModelsMax = 3;
/** Spread of a minute's rest: keys that were refused together should not come back together. */
const restJitter = 0.2;
const dayMs = 86_400_000;
const lonelyRestMs = 5000;
const lonelyRestMsMax = 600_000;

/** The key answered: whatever was held against it in general is refuted. */
export function noteSuccess(key: PoolKey, model: string): HealthChange {
  key.unknownRefusals = 0;
  key.lonelyFailures = 0;
  key.deniedModels.clear();
  if (!key.servedModels.has(model)) keepNewest(key.servedModels.add(model), modelsMax);
  if (!key.rejection) return null;
  key.rejection = null;
  return 'restored';
}

/** The key met a failure of the network, and other keys did not: after some in a row it rests, longer each time. */
export function noteLonelyFailure(key: PoolKey, { class: reason, message }: Failure, nowMs: number): HealthChange {
  key.lonelyFailures++;
  if (key.lonelyFailures < lonelyFailuresMax) return null;
  key.lastFailure = { class: reason, message };
  const restMs = Math.min(lonelyRestMsMax, lonelyRestMs * 2 ** (key.lonelyFailures - lonelyFailuresMax));
  key.rest = { untilMs: nowMs + restMs, reason };
  return 'rested';
}

/** The key met a failure on a model. @param random 0 to 1. */
export function noteFailure(
  key: PoolKey,
  model: string,
  failure: Failure,
  nowMs: number,
  random: number,
): HealthChange {
  const { keyAction: action, class: reason, message } = failure;
  if (action.kind === 'none') return null;
  // A model that the key has served exists: it was asked for something that it cannot do.
  if (reason === 'model_not_found' && key.servedModels.has(model)) return null;
  key.lastFailure = { class: reason, message };
  switch (action.kind) {
    case 'reject':
      key.rejection = { untilMs: action.untilMs, reason, message };
      return 'rejected';
    case 'rest-key':
      key.rest = { untilMs: action.untilMs, reason };
      return 'rested';
    case 'rest-model': {
      if (isDeniedEverywhere(key, model, failure)) {
        key.rejection = { untilMs: nowMs + dayMs, reason: 'key_misconfigured', message };
        return 'rejected';
      }
      const spread = reason === 'key_model_minute' ? (action.untilMs - nowMs) * restJitter * random : 0;
      restModels(key, model, failure, { untilMs: action.untilMs + spread, reason }, nowMs);
      return 'rested';
    }
    case 'rest-model-longer': {
      const restMs = Math.min(action.maxMs, action.firstMs * 2 ** key.unknownRefusals++);
      restModels(key, model, failure, { untilMs: nowMs + restMs, reason }, nowMs);
      return 'rested';
    }
  }
}

/** A bare 403 is about one model at first; from model after model it is about the key. */
function isDeniedEverywhere(key: PoolKey, model: string, { class: reason, httpStatus }: Failure): boolean {
  if (reason !== 'key_model_denied' || httpStatus !== 403) return false;
  key.deniedModels.add(model);
  return key.deniedModels.size >= deniedModelsMax;
}

/** What another key of the project was refused for want of quota, this one would be too. @param model Null: all. */
export function shareRest(
  key: PoolKey,
  model: string | null,
  rest: Rest,
  failure: Failure,
  nowMs: number,
): HealthChange {
  const own = model === null ? key.rest : key.rests.get(model);
  if (own && own.untilMs >= rest.untilMs) return null;
  if (model === null) key.rest = rest;
  else restModels(key, model, failure, rest, nowMs);
  return 'rested';
}

/** Rests the requested model and, where Google names it, the one whose quota it shares. */
function restModels(key: PoolKey, model: string, { quotaModel }: Failure, rest: Rest, nowMs: number): void {
  for (const [name, { untilMs }] of key.rests) if (untilMs <= nowMs) key.rests.delete(name);
  key.rests.set(model, rest);
  if (quotaModel !== null) key.rests.set(quotaModel, rest);
  keepNewest(key.rests, modelsMax);
}
