import type { QuotaKind } from './quota.ts';
import type { QuotaCaps } from './quota-meter.ts';

/** Limits that the operator sets for a key, a group or a model; where several fit, the smallest of each kind holds. */
export interface QuotaRule {
  /** Null: any key. */
  upstreamKeyId: string | null;
  /** Null: any group, or none. */
  group: string | null;
  /** A pattern with `*` for anything; null: any model. */
  model: string | null;
  limits: QuotaCaps;
}

const modelsMax = 200;

/** The limits of one key by model; null when no rule is about it. Pure. @param fits Whether a pattern stands for a model. */
export function capsOf(
  rules: readonly QuotaRule[],
  key: { id: string; group: string | null },
  fits: (pattern: string, model: string) => boolean,
): ((model: string) => QuotaCaps | null) | null {
  const own = rules.filter(
    ({ upstreamKeyId, group }) => (upstreamKeyId ?? key.id) === key.id && (group === null || group === key.group),
  );
  if (own.length === 0) return null;
  const known = new Map<string, QuotaCaps | null>();
  return (model) => {
    const cached = known.get(model);
    if (cached !== undefined) return cached;
    const found = smallest(own.filter((rule) => rule.model === null || fits(rule.model, model)));
    if (known.size >= modelsMax) known.clear();
    known.set(model, found);
    return found;
  };
}

function smallest(rules: readonly QuotaRule[]): QuotaCaps | null {
  if (rules.length === 0) return null;
  const caps: Partial<Record<QuotaKind, number>> = {};
  for (const { limits } of rules)
    for (const [kind, limit] of Object.entries(limits) as [QuotaKind, number][])
      caps[kind] = Math.min(caps[kind] ?? Infinity, limit);
  return caps;
}

/** Two rules about the same are one. */
export function ruleId({ upstreamKeyId, group, model }: Omit<QuotaRule, 'limits'>): string {
  return JSON.stringify([upstreamKeyId, group, model?.toLowerCase() ?? null]);
}
