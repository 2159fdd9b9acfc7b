import { builder } from './builder.ts';
import type { WantedBudget, WantedTerms } from './context.ts';

export const BudgetUnit = builder.enumType('BudgetUnit', {
  description: 'What a budget counts.',
  values: {
    REQUESTS: { description: 'Requests, without those that failed before they used anything.' },
    TOKENS: { description: 'Tokens of prompt and answer.' },
    USD: { description: 'US dollars, by the prices of the models.' },
  } as const,
});
export const BudgetPeriod = builder.enumType('BudgetPeriod', {
  description: 'After what a budget begins anew.',
  values: {
    DAY: { description: 'A day of its time zone.' },
    WEEK: { description: 'A week from Monday.' },
    MONTH: { description: 'A month.' },
    LIFETIME: { description: 'Never.' },
  } as const,
});

const LimitsInput = builder.inputType('ClientKeyLimitsInput', {
  description: 'Rates; what is left out or null is not limited.',
  fields: (t) => ({
    requestsPerMinute: t.int({ description: 'Requests in a minute, from 1.' }),
    tokensPerMinute: t.field({ type: 'SafeInt', description: 'Tokens of prompts and answers in a minute, from 1.' }),
    concurrentRequests: t.int({ description: 'Requests at the same time, from 1.' }),
  }),
});
const BudgetInput = builder.inputType('BudgetInput', {
  description: 'A budget. At most one counts the same unit and models over the same period.',
  fields: (t) => ({
    unit: t.field({ type: BudgetUnit, required: true, description: 'What it counts.' }),
    limit: t.field({
      type: 'Decimal',
      required: true,
      description: 'How much: a whole number, or dollars with up to 12 decimals. More than 0.',
    }),
    period: t.field({ type: BudgetPeriod, required: true, description: 'After what it begins anew.' }),
    timeZone: t.string({ defaultValue: 'UTC', description: 'Where its periods are cut; an IANA name.' }),
    model: t.string({ description: 'Of these models only, `*` stands for anything; left out: of all.' }),
    isStrict: t.boolean({ defaultValue: true, description: 'It cannot be passed. False: by what is in flight only.' }),
  }),
});

/** The fields by which an input sets terms. */
export const clientTermInputs = (t: Parameters<Parameters<typeof builder.inputType>[1]['fields']>[0]) => ({
  expiresAt: t.field({ type: 'DateTime', description: 'From when on it is refused. Null: never.' }),
  allowedAddresses: t.stringList({
    description: 'Addresses and CIDR ranges it may be used from, up to 100. Null: any.',
  }),
  allowedOrigins: t.stringList({
    description: 'Origins of the pages that may use it, such as `https://chat.example`, up to 100. Null: any.',
  }),
  limits: t.field({ type: LimitsInput, description: 'Rates. They take the place of all before; null: none.' }),
  budgets: t.field({ type: [BudgetInput], description: 'Budgets, up to 20. They take the place of all before.' }),
});

interface TermsGiven {
  expiresAt?: number | null | undefined;
  allowedAddresses?: string[] | null | undefined;
  allowedOrigins?: string[] | null | undefined;
  limits?:
    | {
        requestsPerMinute?: number | null | undefined;
        tokensPerMinute?: number | null | undefined;
        concurrentRequests?: number | null | undefined;
      }
    | null
    | undefined;
  budgets?: BudgetGiven[] | null | undefined;
}

interface BudgetGiven {
  unit: WantedBudget['unit'];
  limit: string;
  period: WantedBudget['period'];
  timeZone?: string | null | undefined;
  model?: string | null | undefined;
  isStrict?: boolean | null | undefined;
}

type Problem = [path: string[], message: string];

/** Where in the input it cannot be accepted, and why; null when all can. */
export function problemOfTerms(given: TermsGiven): Problem | null {
  const { allowedAddresses, allowedOrigins, limits, budgets } = given;
  if (!isList(allowedAddresses, isAddressRange))
    return [['allowedAddresses'], 'Takes 1 to 100 addresses or CIDR ranges such as 10.0.0.0/8; null for any.'];
  if (!isList(allowedOrigins, isOrigin))
    return [['allowedOrigins'], 'Takes 1 to 100 origins such as https://chat.example; null for any.'];
  const badLimit = Object.entries(limits ?? {}).find(([, limit]) => limit != null && !(limit >= 1));
  if (badLimit) return [['limits', badLimit[0]], 'A limit is a whole number from 1; null for none.'];
  if ((budgets?.length ?? 0) > 20) return [['budgets'], 'A client key has at most 20 budgets.'];
  for (const [index, budget] of (budgets ?? []).entries()) {
    const problem = problemOfBudget(budget);
    if (problem) return [['budgets', String(index), ...problem[0]], problem[1]];
  }
  const kinds = (budgets ?? []).map(({ unit, period, timeZone, model }) => [unit, period, timeZone, model].join());
  return new Set(kinds).size < kinds.length ? [['budgets'], 'Two budgets count the same over the same period.'] : null;
}

function problemOfBudget({ unit, limit, timeZone, model }: BudgetGiven): Problem | null {
  const isAmount = unit === 'USD' ? /^\d{1,6}(?:\.\d{1,12})?$/.test(limit) : /^\d{1,15}$/.test(limit);
  if (!isAmount || !/[1-9]/.test(limit)) {
    const ofDollars = 'A budget in dollars is a plain decimal above 0 with up to 12 decimals, such as 20.5.';
    return [['limit'], unit === 'USD' ? ofDollars : 'A budget in requests or tokens is a whole number above 0.'];
  }
  if (!isTimeZone(timeZone ?? 'UTC'))
    return [['timeZone'], `There is no time zone ${timeZone}; names are such as Asia/Shanghai.`];
  return model != null && !/^\S{1,128}$/.test(model) ? [['model'], 'A model is a name of up to 128 characters.'] : null;
}

/** What `problemOfTerms` found good, as it is kept. What is left out stays. */
export function toTerms({ limits, budgets, ...given }: TermsGiven): WantedTerms {
  return {
    ...(given.expiresAt !== undefined && { expiresAt: given.expiresAt }),
    ...(given.allowedAddresses !== undefined && { allowedAddresses: given.allowedAddresses }),
    ...(given.allowedOrigins !== undefined && { allowedOrigins: given.allowedOrigins }),
    ...(limits !== undefined && {
      requestsPerMinute: limits?.requestsPerMinute ?? null,
      tokensPerMinute: limits?.tokensPerMinute ?? null,
      concurrentRequests: limits?.concurrentRequests ?? null,
    }),
    ...(budgets !== undefined && { budgets: (budgets ?? []).map(toBudget) }),
  };
}

const picoDigits = 12;

function toBudget({ unit, limit, period, timeZone, model, isStrict }: BudgetGiven): WantedBudget {
  const [whole = '', decimals = ''] = limit.split('.');
  const amount = BigInt(unit === 'USD' ? whole + decimals.padEnd(picoDigits, '0') : limit);
  return {
    unit,
    limit: String(amount),
    period,
    timeZone: timeZone ?? 'UTC',
    model: model ?? null,
    isStrict: isStrict ?? true,
  };
}

function isList(list: readonly string[] | null | undefined, isGood: (text: string) => boolean): boolean {
  return list == null || (list.length >= 1 && list.length <= 100 && list.every(isGood));
}

function isOrigin(text: string): boolean {
  return text.length <= 200 && URL.canParse(text) && new URL(text).origin === text;
}

const octet = '(?:25[0-5]|2[0-4]\\d|1?\\d?\\d)';
const ipv4 = new RegExp(`^${octet}(?:\\.${octet}){3}(?:/(?:3[0-2]|[12]?\\d))?$`);

function isAddressRange(text: string): boolean {
  if (ipv4.test(text)) return true;
  const [address = '', bits, more] = text.split('/');
  const isLength = bits === undefined || (/^\d{1,3}$/.test(bits) && Number(bits) <= 128);
  return more === undefined && isLength && address.includes(':') && URL.canParse(`http://[${address}]`);
}

function isTimeZone(name: string): boolean {
  try {
    new Intl.DateTimeFormat('en', { timeZone: name });
    return true;
  } catch {
    return false;
  }
}
