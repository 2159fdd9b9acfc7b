import { defineEntity, p } from '@mikro-orm/core';

/** A row of the ledger, as stored. `body` is the event as JSON text; the other columns repeat of it what an index needs. */
const UsageEventSchema = defineEntity({
  name: 'UsageEvent',
  tableName: 'usage_event',
  properties: {
    position: p.integer().primary(),
    eventId: p.string(),
    type: p.string(),
    schema: p.integer(),
    requestId: p.string().nullable(),
    actor: p.string().nullable(),
    occurredAt: p.integer(),
    recordedAt: p.integer(),
    bootId: p.string(),
    body: p.text(),
    hash: p.blob(),
  },
});
export class UsageEvent extends UsageEventSchema.class {}
UsageEventSchema.setClass(UsageEvent);
