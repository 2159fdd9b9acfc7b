import { defineEntity, p } from '@mikro-orm/core';
import type { Price, Rates } from './price.ts';

/** A price that an operator has set. */
const PriceSchema = defineEntity({
  name: 'PriceRow',
  tableName: 'price',
  properties: {
    id: p.string().primary(),
    model: p.string(),
    fromMs: p.integer(),
    rates: p.json().$type<Rates>(),
    longContext: p.json().$type<Price['longContext']>().nullable(),
    tierPercents: p.json().$type<Price['tierPercents']>(),
    source: p.string(),
    createdAt: p.integer(),
  },
});
export class PriceRow extends PriceSchema.class {}
PriceSchema.setClass(PriceRow);
