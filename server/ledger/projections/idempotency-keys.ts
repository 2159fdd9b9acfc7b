import { defineEntity, p } from '@mikro-orm/core';
import type { Connection } from '../../database.ts';
import { dayMs } from '../calendar.ts';
import type { Projection } from './projection.ts';

/** So long an `Idempotency-Key` stands for one request. */
export const idempotencyKeptMs = dayMs;

/** Which request came with which `Idempotency-Key` in the last day. Key and body are keyed hashes. */
const IdempotencyKeySchema = defineEntity({
  name: 'IdempotencyKey',
  tableName: 'idempotency_key',
  properties: {
    clientKeyId: p.string().primary(),
    keyHash: p.string().primary(),
    bodyHash: p.string(),
    requestId: p.string(),
    acceptedAt: p.integer(),
  },
});
export class IdempotencyKey extends IdempotencyKeySchema.class {}
IdempotencyKeySchema.setClass(IdempotencyKey);

/** Keeps `idempotency_key` in step: a second request with the same key within a day is refused by the primary key. */
export function idempotencyKeysProjection(connection: Connection): Projection {
  const forget = connection.prepare('delete from idempotency_key where accepted_at < ?');
  const insert = connection.prepare('insert into idempotency_key values (?, ?, ?, ?, ?)');
  return {
    name: 'idempotency_key',
    isInline: true,
    orderedBy: 'client_key_id, key_hash',
    evolve(events) {
      for (const { body, occurredAt } of events) {
        if (body.type !== 'RequestAccepted' || !body.idempotency) continue;
        const { keyHash, bodyHash } = body.idempotency;
        forget.run(occurredAt - idempotencyKeptMs);
        insert.run(body.clientKeyId, keyHash, bodyHash, body.requestId, occurredAt);
      }
    },
  };
}
