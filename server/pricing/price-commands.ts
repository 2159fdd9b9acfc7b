import type { CommandHandler } from '../ledger/commands.ts';
import type { PriceSet } from '../ledger/events.ts';
import { PriceRow } from './price.entity.ts';
import type { Price } from './price.ts';

const set: CommandHandler<{ price: Price; actor: string }, null> = async ({ em, now }, { price, actor }) => {
  await em.insert(PriceRow, { ...price, createdAt: now });
  const { id: priceId, model, fromMs: from, rates, longContext, tierPercents, source } = price;
  const body: PriceSet = { type: 'PriceSet', priceId, model, from, rates, longContext, tierPercents, source };
  return { events: [{ body, actor, occurredAt: now }], result: null };
};

export const priceCommands = { 'price.set': set };
