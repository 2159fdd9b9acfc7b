import type { GenerationConfig } from './types.ts';

/** What models refuse of `thinkingConfig`, as far as it was seen: asked for again, it would cost another call each time. */
export interface RefusedThinking {
  /** Told when a request was refused with its `thinkingConfig` and answered without. */
  note(model: string, config: GenerationConfig | undefined): void;
  isRefused(model: string, config: GenerationConfig | undefined): boolean;
}

/** Clients name models and levels freely. */
const entriesMax = 1000;

/** Kept by model and level: what one client asks for in vain takes nothing from the others. For the life of the process. */
export function createRefusedThinking(): RefusedThinking {
  const refused = new Set<string>();
  return {
    note(model, config) {
      if (refused.size < entriesMax) refused.add(keyOf(model, config));
    },
    isRefused: (model, config) =>
      refused.size > 0 && config?.thinkingConfig !== undefined && refused.has(keyOf(model, config)),
  };
}

function keyOf(model: string, config: GenerationConfig | undefined): string {
  const { thinkingLevel, thinkingBudget } = config?.thinkingConfig ?? {};
  return JSON.stringify([model, thinkingLevel, thinkingBudget]);
}
