import { Breaker, type BreakerLimits } from './breaker.ts';
import { keepNewest } from './keep-newest.ts';

/** An overload is over within seconds, or comes and goes for minutes. */
const limits: BreakerLimits = { failuresMin: 6, firstMs: 1000, longestMs: 16_000 };
const modelsMax = 200;

/** One breaker for each model that is overloaded: then no key is called for it, as none would be served. */
export interface ModelBreakers {
  heldUntil(model: string, nowMs: number): number | null;
  begin(model: string, nowMs: number): void;
  /** How a call ended: null when that tells nothing of the model. */
  end(model: string, isOverloaded: boolean | null, nowMs: number): void;
}

export function createModelBreakers(): ModelBreakers {
  const byModel = new Map<string, Breaker>();

  function open(model: string): Breaker {
    const breaker = byModel.get(model) ?? new Breaker(limits);
    byModel.set(model, breaker);
    keepNewest(byModel, modelsMax);
    return breaker;
  }

  return {
    heldUntil: (model, nowMs) => byModel.get(model)?.heldUntil(nowMs) ?? null,
    begin: (model, nowMs) => byModel.get(model)?.begin(nowMs),
    end(model, isOverloaded, nowMs) {
      if (isOverloaded) open(model).fail(nowMs);
      else if (isOverloaded === null) byModel.get(model)?.giveUp();
      // A model that serves needs no breaker.
      else byModel.delete(model);
    },
  };
}
