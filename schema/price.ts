import { builder } from './builder.ts';
import { actor } from './client-key.ts';
import type { Price, Rates } from './context.ts';
import { ConflictError, InvalidInputError, invalidInput, orFailure, resultUnion } from './failures.ts';

const rateMeanings: Record<keyof Rates, string> = {
  input: 'Of text, and of what has no rate of its own.',
  cachedInput: 'Of what was read from a cache; null: as if it were not cached.',
  output: 'Of text and thinking, and of what has no rate of its own.',
  audioInput: 'Of sound.',
  cachedAudioInput: 'Of sound that was read from a cache.',
  imageInput: 'Of pictures.',
  videoInput: 'Of film.',
  imageOutput: 'Of pictures that were made.',
  audioOutput: 'Of sound that was made.',
  videoOutput: 'Of film that was made.',
};
const rateNames = Object.keys(rateMeanings) as (keyof Rates)[];
const requiredRates: readonly string[] = ['input', 'output'];

const RatesType = builder.objectRef<Rates>('PriceRates').implement({
  description: 'US dollars per million tokens.',
  fields: (t) =>
    Object.fromEntries(
      rateNames.map((name) => [
        name,
        t.field({
          type: 'Decimal',
          nullable: !requiredRates.includes(name),
          description: rateMeanings[name],
          resolve: (rates: Rates) => rates[name] ?? null,
        } as never),
      ]),
    ),
});

interface TierPercent {
  tier: string;
  percent: number;
}
const TierType = builder.objectRef<TierPercent>('PriceTier').implement({
  description: "One of Google's service tiers.",
  fields: (t) => ({
    tier: t.exposeString('tier', { description: '`standard`, `flex`, `batch` or `priority`.' }),
    percent: t.exposeInt('percent', { description: 'Of the price of the standard tier.' }),
  }),
});

export const PriceType = builder.objectRef<Price>('Price').implement({
  description: 'One version of what a model costs. It never changes; a new price is a new version.',
  fields: (t) => ({
    id: t.exposeID('id', { description: 'What events name it by.' }),
    model: t.exposeString('model', { description: 'As it is called upstream.' }),
    from: t.field({
      type: 'DateTime',
      nullable: true,
      description: 'It holds for requests from then on, until a newer one does; null: from the beginning.',
      resolve: ({ fromMs }) => (fromMs === 0 ? null : fromMs),
    }),
    isOwn: t.boolean({ description: 'It was set here, not shipped.', resolve: ({ id }) => id.startsWith('pr_') }),
    rates: t.field({ type: RatesType, description: 'What it costs.', resolve: ({ rates }) => rates }),
    longContextAboveTokens: t.field({
      type: 'SafeInt',
      nullable: true,
      description: 'For longer prompts the whole request costs `longContextRates`; null: never.',
      resolve: ({ longContext }) => longContext?.aboveTokens ?? null,
    }),
    longContextRates: t.field({
      type: RatesType,
      nullable: true,
      description: 'What requests with long prompts cost.',
      resolve: ({ longContext }) => longContext?.rates ?? null,
    }),
    tiers: t.field({
      type: [TierType],
      description: 'The tiers with a known price.',
      resolve: ({ tierPercents }) => Object.entries(tierPercents).map(([tier, percent]) => ({ tier, percent })),
    }),
    source: t.exposeString('source', { description: 'Where the figures are from.' }),
  }),
});

const RatesInput = builder.inputType('PriceRatesInput', {
  description: 'US dollars per million tokens, as plain decimals of at most six places.',
  fields: (t) =>
    Object.fromEntries(
      rateNames.map((name) => [
        name,
        t.field({ type: 'Decimal', required: requiredRates.includes(name), description: rateMeanings[name] }),
      ]),
    ),
});
const TierInput = builder.inputType('PriceTierInput', {
  description: "What one of Google's service tiers costs.",
  fields: (t) => ({
    tier: t.string({ required: true, description: '`standard`, `flex`, `batch` or `priority`.' }),
    percent: t.int({ required: true, description: 'Of the price of the standard tier, 0 to 1000.' }),
  }),
});
const SetInput = builder.inputType('PriceSetInput', {
  description: 'A new version of what a model costs.',
  fields: (t) => ({
    model: t.string({ required: true, description: 'As it is called upstream, for example `gemini-3.8-flash`.' }),
    from: t.field({ type: 'DateTime', description: 'It holds for requests from then on; left out: from now on.' }),
    rates: t.field({ type: RatesInput, required: true, description: 'What it costs.' }),
    longContextAboveTokens: t.field({ type: 'SafeInt', description: 'From longer prompts on it costs otherwise.' }),
    longContextRates: t.field({ type: RatesInput, description: 'What requests with long prompts cost.' }),
    tiers: t.field({ type: [TierInput], description: 'Left out: the standard tier, and half for batch and flex.' }),
    source: t.string({ description: 'Where the figures are from.' }),
  }),
});
const RepriceInput = builder.inputType('UsageRepriceInput', {
  description: 'Which requests to price anew, with the prices that are known now for the times at which they began.',
  fields: (t) => ({
    model: t.string({ required: true, description: 'The model that answered, or that was called.' }),
    from: t.field({ type: 'DateTime', required: true, description: 'Of requests that began from here on.' }),
    to: t.field({ type: 'DateTime', required: true, description: 'End of the range, not part of it.' }),
  }),
});

const SetSuccess = builder.objectRef<{ __typename: string; price: Price }>('PriceSetSuccess').implement({
  description: 'The price is set.',
  fields: (t) => ({ price: t.field({ type: PriceType, description: 'The version.', resolve: ({ price }) => price }) }),
});
const RepriceSuccess = builder.objectRef<{ __typename: string; requests: number }>('UsageRepriceSuccess').implement({
  description: 'The requests have new costs; their own events are as they were.',
  fields: (t) => ({ requests: t.exposeInt('requests', { description: 'How many have another cost now.' }) }),
});

builder.queryFields((t) => ({
  prices: t.field({
    type: [PriceType],
    description:
      'What models cost, by model, newest version first. Those set here count before those that are shipped.',
    args: { model: t.arg.string({ description: 'Of this model only.' }) },
    resolve: (_root, { model }, { services }) =>
      services.prices.all().filter((price) => model == null || price.model === model),
  }),
}));

builder.mutationFields((t) => ({
  priceSet: t.field({
    type: resultUnion('PriceSetResult', SetSuccess as never, [InvalidInputError]),
    description: 'Sets what a model costs. What was recorded before keeps its cost, see `usageReprice`.',
    args: { input: t.arg({ type: SetInput, required: true }) },
    resolve: (_root, { input }, context) =>
      orFailure(async () => {
        const problem = problemOf(input);
        if (problem) return invalidInput(...problem);
        const { longContextAboveTokens: aboveTokens, longContextRates } = input;
        const wanted = {
          model: input.model.trim(),
          fromMs: input.from ?? Date.now(),
          rates: toRates(input.rates),
          longContext:
            aboveTokens != null && longContextRates ? { aboveTokens, rates: toRates(longContextRates) } : null,
          tierPercents: toPercents(input.tiers),
          source: input.source?.trim() || 'set by an operator',
        };
        const price = await context.services.prices.set(wanted, actor(context));
        return { __typename: 'PriceSetSuccess', price };
      }) as never,
  }),
  usageReprice: t.field({
    type: resultUnion('UsageRepriceResult', RepriceSuccess as never, [InvalidInputError, ConflictError]),
    description: 'Prices requests anew. Budgets keep what they were charged.',
    args: { input: t.arg({ type: RepriceInput, required: true }) },
    resolve: (_root, { input: { model, from, to } }, context) =>
      orFailure(async () => {
        if (from >= to) return invalidInput('to', 'The range ends before it begins.');
        const requests = await context.services.reprice({ model, from, to }, actor(context));
        return { __typename: 'UsageRepriceSuccess', requests };
      }) as never,
  }),
}));

type RatesGiven = { [Name in keyof Rates]?: string | null };

interface SetGiven {
  model: string;
  rates: unknown;
  longContextAboveTokens?: number | null | undefined;
  longContextRates?: unknown;
  tiers?: { tier: string; percent: number }[] | null | undefined;
  source?: string | null | undefined;
}

const ratePattern = /^\d{1,6}(?:\.\d{1,6})?$/;
const rateRule = 'A rate is a plain decimal of dollars per million tokens with at most six decimals, such as 0.075.';
const tierNames = ['standard', 'flex', 'batch', 'priority'];

/** Where in a new price it cannot be accepted, and why. */
function problemOf(input: SetGiven): [path: string | string[], message: string] | null {
  if (!/^(?:tunedModels\/)?[A-Za-z0-9][\w.@-]{0,127}$/.test(input.model.trim()))
    return ['model', 'Takes the id of a model, such as gemini-3.8-flash.'];
  const badRate = nameOfBadRate(input.rates);
  if (badRate) return [['rates', badRate], rateRule];
  if ((input.longContextAboveTokens == null) !== (input.longContextRates == null))
    return ['longContextRates', 'Long prompts need both: from how many tokens on, and what they cost then.'];
  if (input.longContextAboveTokens != null && input.longContextAboveTokens < 1)
    return ['longContextAboveTokens', 'Takes a number of tokens from 1.'];
  const badLongRate = nameOfBadRate(input.longContextRates ?? {});
  if (badLongRate) return [['longContextRates', badLongRate], rateRule];
  const isBadTier = ({ tier, percent }: TierPercent) => !tierNames.includes(tier) || percent < 0 || percent > 1000;
  const badTier = (input.tiers ?? []).findIndex(isBadTier);
  if (badTier >= 0)
    return [['tiers', String(badTier)], 'A tier is standard, flex, batch or priority, at 0 to 1000 percent.'];
  if ((input.source ?? '').length > 200) return ['source', 'Takes up to 200 characters.'];
  return null;
}

function nameOfBadRate(given: unknown): string | undefined {
  return Object.entries(given as RatesGiven).find(([, rate]) => rate != null && !ratePattern.test(rate))?.[0];
}

function toRates(given: unknown): Rates {
  const { input, output, cachedInput, ...others } = given as RatesGiven & Pick<Rates, 'input' | 'output'>;
  const told = Object.entries(others).filter(([, rate]) => rate != null);
  return { input, output, cachedInput: cachedInput ?? null, ...Object.fromEntries(told) };
}

function toPercents(tiers: SetGiven['tiers']): Record<string, number> {
  const given = tiers ?? [
    { tier: 'batch', percent: 50 },
    { tier: 'flex', percent: 50 },
  ];
  return { standard: 100, ...Object.fromEntries(given.map(({ tier, percent }) => [tier, percent])) };
}
