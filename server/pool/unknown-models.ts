import { keepNewest } from './keep-newest.ts';

/** Models that Google does not have: no further key is asked for one, once keys of two projects were told so. */
export interface UnknownModels {
  /** Until when a model is taken for unknown, ms since 1970; null for one that may be there. */
  unknownUntil(model: string, nowMs: number): number | null;
  /** A key was told that there is no such model. @param project Of the key; its own id where none is known. */
  noteMissing(model: string, project: string, untilMs: number): void;
  /** A key has served it. */
  noteServed(model: string): void;
}

const projectsMin = 2;
/** Clients name models freely. */
const modelsMax = 1000;

export function createUnknownModels(): UnknownModels {
  const missing = new Map<string, { projects: Set<string>; untilMs: number }>();
  return {
    unknownUntil(model, nowMs) {
      const known = missing.get(model);
      return known && known.projects.size >= projectsMin && known.untilMs > nowMs ? known.untilMs : null;
    },
    noteMissing(model, project, untilMs) {
      const projects = missing.get(model)?.projects ?? new Set();
      missing.delete(model);
      missing.set(model, { projects: projects.add(project), untilMs });
      keepNewest(missing, modelsMax);
    },
    noteServed: (model) => void missing.delete(model),
  };
}
