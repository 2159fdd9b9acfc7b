import { rulesOf as builtInRules, type ModelRules } from '../formats/model-rules.ts';
import { isModelId, lowerCaseId, plainId } from './model-id.ts';
import { matchesPattern, strongestFirst } from './model-pattern.ts';
import type { ModelsFile } from './models-file.ts';

/** Where the names of models lead, and what the models accept: the built-in table under what the operator's file says. Pure. */
export interface ModelDirectory {
  /** The id to call upstream for a name that a client wrote. Aliases are followed once. Null when no model can have that name. */
  resolve(requested: string): string | null;
  /** @param id As called upstream. */
  rulesOf(id: string): ModelRules;
  isHidden(id: string): boolean;
  /** The aliases that are names, not patterns. */
  exactAliases: readonly string[];
}

/** Looking rules up takes as long as reading a prompt; clients name models freely, so not all are kept. */
const rememberedMax = 1000;

export function createModelDirectory({ aliases, rules, hidden }: ModelsFile): ModelDirectory {
  const targets = new Map(Object.entries(aliases));
  const aliasPatterns = strongestFirst(targets.keys());
  const rulePatterns = strongestFirst(Object.keys(rules));

  const rulesById = new Map<string, ModelRules>();

  function findRules(id: string): ModelRules {
    const changes = rules[rulePatterns.find((pattern) => matchesPattern(pattern, id)) ?? ''];
    if (!changes) return builtInRules(id);
    const { like, ...changed } = changes;
    return { ...builtInRules(like ?? id), ...changed };
  }

  return {
    resolve(requested) {
      const id = plainId(requested);
      const isMeant = (pattern: string) => matchesPattern(pattern, requested.trim()) || matchesPattern(pattern, id);
      const target = lowerCaseId(targets.get(aliasPatterns.find(isMeant) ?? '') ?? id);
      return isModelId(target) ? target : null;
    },
    rulesOf(id) {
      const known = rulesById.get(id);
      if (known) return known;
      const found = findRules(id);
      if (rulesById.size < rememberedMax) rulesById.set(id, found);
      return found;
    },
    isHidden: (id) => hidden.some((pattern) => matchesPattern(pattern, id)),
    exactAliases: aliasPatterns.filter((alias) => !alias.includes('*')),
  };
}
