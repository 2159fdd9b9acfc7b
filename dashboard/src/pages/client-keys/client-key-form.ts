import type { FieldProblems } from '../../composables/field-problems.ts';
import { toWholeNumber } from '../../composables/field-problems.ts';
import { fromLocalTime, toLocalTime } from '../../composables/local-time.ts';
import { type ClientKey, type ClientKeyTerms, toPatterns } from '../../composables/use-client-keys.ts';
import { timeZone } from '../../i18n/formats.ts';

export type Budget = ClientKey['budgets'][number];

/** A budget as its fields have it. */
export interface BudgetForm extends Pick<Budget, 'unit' | 'limit' | 'period' | 'timeZone'> {
  id: number;
  model: string;
  kind: 'STRICT' | 'SOFT';
}

export const limitNames = ['requestsPerMinute', 'tokensPerMinute', 'concurrentRequests'] as const;
type LimitName = (typeof limitNames)[number];

/** Days from now on, or something else. */
export const expiries = ['NEVER', '1', '7', '30', '90', '365', 'TIME'] as const;

export interface ClientKeyForm {
  name: string;
  allowedModels: string;
  expiry: (typeof expiries)[number];
  /** By this browser's clock, for an `expiry` of TIME. */
  expiresAt: string;
  limits: Record<LimitName, string>;
  allowedAddresses: string;
  allowedOrigins: string;
  budgets: BudgetForm[];
}

const dayMs = 24 * 60 * 60 * 1000;
let lastId = 0;

/** The fields for a key that is there, or for a new one. */
export function toForm(key: ClientKey | null): ClientKeyForm {
  const limitText = (name: LimitName) => String(key?.limits[name] ?? '');
  const listText = (list: readonly string[] | null | undefined) => list?.join(', ') ?? '';
  return {
    name: key?.name ?? '',
    allowedModels: listText(key?.allowedModels),
    expiry: key?.expiresAt ? 'TIME' : 'NEVER',
    expiresAt: key?.expiresAt ? toLocalTime(key.expiresAt) : '',
    limits: {
      requestsPerMinute: limitText('requestsPerMinute'),
      tokensPerMinute: limitText('tokensPerMinute'),
      concurrentRequests: limitText('concurrentRequests'),
    },
    allowedAddresses: listText(key?.allowedAddresses),
    allowedOrigins: listText(key?.allowedOrigins),
    budgets: (key?.budgets ?? []).map(({ unit, limit, period, timeZone: zone, model, isStrict }) => ({
      ...{ id: ++lastId, unit, limit, period, timeZone: zone },
      model: model ?? '',
      kind: isStrict ? 'STRICT' : 'SOFT',
    })),
  };
}

export function emptyBudget(): BudgetForm {
  return { id: ++lastId, unit: 'USD', limit: '', period: 'MONTH', timeZone, model: '', kind: 'STRICT' };
}

/** Whether something is set that the form folds away. */
export function hasFoldedTerms({ limits, allowedAddresses, allowedOrigins }: ClientKeyForm): boolean {
  return [...Object.values(limits), allowedAddresses, allowedOrigins].some((text) => text !== '');
}

/** What could not even be sent: the server says the rest. */
export function problemsOf({ limits }: ClientKeyForm, wrongLimit: string): FieldProblems {
  const wrong = limitNames.filter((name) => Number.isNaN(toWholeNumber(limits[name])));
  return Object.fromEntries(wrong.map((name) => [`limits.${name}`, wrongLimit]));
}

/** All that the form says, in the place of all before. @param before The key as it was, if it is not new. */
export function toInput(form: ClientKeyForm, before: ClientKey | null = null): { name: string } & ClientKeyTerms {
  const { name, limits, budgets } = form;
  return {
    name: name.trim(),
    allowedModels: toPatterns(form.allowedModels),
    expiresAt: toExpiry(form, before?.expiresAt ?? null),
    allowedAddresses: toPatterns(form.allowedAddresses),
    allowedOrigins: toPatterns(form.allowedOrigins),
    limits: {
      requestsPerMinute: toWholeNumber(limits.requestsPerMinute),
      tokensPerMinute: toWholeNumber(limits.tokensPerMinute),
      concurrentRequests: toWholeNumber(limits.concurrentRequests),
    },
    budgets: budgets.map(({ unit, limit, period, timeZone: zone, model, kind }) => ({
      ...{ unit, limit: limit.trim(), period, timeZone: zone.trim() },
      model: model.trim() || null,
      isStrict: kind === 'STRICT',
    })),
  };
}

function toExpiry({ expiry, expiresAt }: ClientKeyForm, before: string | null): string | null {
  if (expiry === 'NEVER') return null;
  if (expiry !== 'TIME') return new Date(Date.now() + Number(expiry) * dayMs).toISOString();
  // The field knows minutes only: what was not touched stays to the millisecond.
  return before !== null && toLocalTime(before) === expiresAt ? before : fromLocalTime(expiresAt);
}
