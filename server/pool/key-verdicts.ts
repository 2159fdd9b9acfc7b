import type { Rest } from './choose-key.ts';
import type { Failure, FailureClass } from './classify-failure.ts';
import { noteFailure, noteLonelyFailure, noteSuccess, shareRest } from './key-health.ts';
import type { KeyChange } from './pool-change.ts';
import type { PoolKey } from './pool-key.ts';
import { createUnknownModels, type UnknownModels } from './unknown-models.ts';

/** What the end of a call means for the key, for the other keys of its project, and for the model. */
export interface Verdicts extends Pick<UnknownModels, 'unknownUntil'> {
  answered(key: PoolKey, model: string): void;
  failed(key: PoolKey, model: string, failure: Failure): void;
}

interface VerdictParts {
  /** All of the pool. */
  keys(): Iterable<PoolKey>;
  /** Wall clock, ms since 1970. */
  now(): number;
  /** 0 to 1. */
  random(): number;
  /** Puts a key into a project. */
  place(key: PoolKey, project: string): void;
  /** Tells what has changed. */
  changed(change: KeyChange): void;
}

/** Failures that are the project's, and so those of all of its keys. */
const quotaClasses: ReadonlySet<FailureClass> = new Set(['key_model_day', 'key_model_minute', 'key_billing']);
/** So long after another key's answer the network is taken to be well, ms. */
const lonelyMsMax = 60_000;

export function createVerdicts({ keys, now, random, place, changed }: VerdictParts): Verdicts {
  const unknownModels = createUnknownModels();
  let lastAnswer: { key: PoolKey; atMs: number } | null = null;

  /** Whether another key was answered just now. */
  function isAlone(key: PoolKey): boolean {
    return lastAnswer !== null && lastAnswer.key !== key && now() - lastAnswer.atMs < lonelyMsMax;
  }

  /** @param model Null: all. */
  function rested(key: PoolKey, model: string | null, rest: Rest, failure: Failure): void {
    if (failure.class === 'model_not_found' && model !== null)
      unknownModels.noteMissing(model, key.project ?? key.id, rest.untilMs);
    changed({ key, kind: 'rested', model, rest, failure });
    if (quotaClasses.has(failure.class)) restSiblings(key, model, rest, failure);
  }

  /** What one key of a project was refused for want of quota, the others would be too. */
  function restSiblings({ id, project }: PoolKey, model: string | null, rest: Rest, failure: Failure): void {
    if (project === null) return;
    for (const key of keys()) {
      if (key.project !== project || key.id === id) continue;
      if (shareRest(key, model, rest, failure, now()) === 'rested')
        changed({ key, kind: 'rested', model, rest, failure });
    }
  }

  return {
    unknownUntil: unknownModels.unknownUntil,
    answered(key, model) {
      lastAnswer = { key, atMs: now() };
      unknownModels.noteServed(model);
      if (noteSuccess(key, model) === 'restored') changed({ key, kind: 'restored', by: 'request' });
    },
    failed(key, model, failure) {
      const { project } = failure;
      if (project !== null && key.project === null) {
        place(key, project);
        changed({ key, kind: 'placed', project });
      }
      if (failure.class === 'transient') {
        const isResting = isAlone(key) && noteLonelyFailure(key, failure, now()) === 'rested';
        if (isResting && key.rest) rested(key, null, key.rest, failure);
        return;
      }
      const change = noteFailure(key, model, failure, now(), random());
      if (change === 'rejected' && key.rejection)
        changed({ key, kind: 'rejected', failure: { ...failure, class: key.rejection.reason } });
      if (change !== 'rested') return;
      const ofModel = failure.keyAction.kind === 'rest-key' ? null : model;
      const rest = ofModel === null ? key.rest : key.rests.get(ofModel);
      if (rest) rested(key, ofModel, rest, failure);
    },
  };
}
