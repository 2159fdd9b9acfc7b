import { type FieldProblems, toWholeNumber } from '../../composables/field-problems.ts';
import { fromLocalTime, toLocalTime } from '../../composables/local-time.ts';
import type { Price, PriceInput, Rates } from '../../composables/use-prices.ts';

export const usualRates = ['input', 'cachedInput', 'output'] as const;
export const otherRates = [
  'audioInput',
  'cachedAudioInput',
  'imageInput',
  'videoInput',
  'imageOutput',
  'audioOutput',
  'videoOutput',
] as const;
const rateNames = [...usualRates, ...otherRates];
export type RateName = (typeof rateNames)[number];
export type RatesForm = Record<RateName, string>;

export const tierNames = ['standard', 'batch', 'flex', 'priority'] as const;
export const starts = ['NOW', 'TIME', 'BEGINNING'] as const;

export interface PriceForm {
  model: string;
  start: (typeof starts)[number];
  /** By this browser's clock, for a `start` of TIME. */
  from: string;
  rates: RatesForm;
  longContextAboveTokens: string;
  longContextRates: RatesForm;
  tiers: Record<(typeof tierNames)[number], string>;
  source: string;
}

const percentMax = 1000;
const usualTiers = [
  { tier: 'standard', percent: 100 },
  { tier: 'batch', percent: 50 },
  { tier: 'flex', percent: 50 },
];

/** @param like The version that the new one is to be a correction of, if there is one. */
export function toPriceForm(model: string, like: Price | null): PriceForm {
  const tiers = like?.tiers ?? usualTiers;
  const percentOf = (name: string) => String(tiers.find(({ tier }) => tier === name)?.percent ?? '');
  return {
    model,
    start: 'NOW',
    from: toLocalTime(Date.now()),
    rates: toRatesForm(like?.rates ?? null),
    longContextAboveTokens: String(like?.longContextAboveTokens ?? ''),
    longContextRates: toRatesForm(like?.longContextRates ?? null),
    tiers: {
      standard: percentOf('standard'),
      batch: percentOf('batch'),
      flex: percentOf('flex'),
      priority: percentOf('priority'),
    },
    source: '',
  };
}

export const hasOtherRates = (rates: RatesForm) => otherRates.some((name) => rates[name] !== '');
const isLongGiven = ({ longContextAboveTokens: above, longContextRates: rates }: PriceForm) =>
  [above, ...Object.values(rates)].some((text) => text.trim() !== '');

/** What could not even be sent: the server says the rest. */
export function problemsOfPrice(form: PriceForm, words: { wholeNumber: string; percent: string }): FieldProblems {
  const isPercent = (text: string) => (toWholeNumber(text, 0) ?? 0) <= percentMax;
  const wrongTiers = tierNames.filter((name) => !isPercent(form.tiers[name]));
  const isWrongLength = Number.isNaN(toWholeNumber(form.longContextAboveTokens));
  return {
    ...(isWrongLength && { longContextAboveTokens: words.wholeNumber }),
    ...Object.fromEntries(wrongTiers.map((name) => [`tiers.${name}`, words.percent])),
  };
}

export function toPriceInput(form: PriceForm): PriceInput {
  const { model, rates, tiers, source } = form;
  const isLong = isLongGiven(form);
  const percents = tierNames.map((tier) => ({ tier, percent: toWholeNumber(tiers[tier], 0) }));
  return {
    model: model.trim(),
    ...(form.start === 'BEGINNING' && { from: new Date(0).toISOString() }),
    ...(form.start === 'TIME' && { from: fromLocalTime(form.from) }),
    rates: toRates(rates),
    longContextAboveTokens: isLong ? toWholeNumber(form.longContextAboveTokens) : null,
    longContextRates: isLong ? toRates(form.longContextRates) : null,
    tiers: percents.flatMap(({ tier, percent }) => (percent === null ? [] : { tier, percent })),
    source: source.trim() || null,
  };
}

function toRatesForm(rates: Rates | null): RatesForm {
  return Object.fromEntries(rateNames.map((name) => [name, rates?.[name] ?? ''])) as RatesForm;
}

function toRates(form: RatesForm): PriceInput['rates'] {
  const rate = (name: RateName) => form[name].trim() || null;
  const others = Object.fromEntries([...otherRates, 'cachedInput' as const].map((name) => [name, rate(name)]));
  return { ...others, input: form.input.trim(), output: form.output.trim() };
}
