import { defineEntity, p } from '@mikro-orm/core';
import type { Connection } from '../../database.ts';
import type { Projection } from './projection.ts';

/** The days that are sealed. */
const LedgerSealSchema = defineEntity({
  name: 'LedgerSeal',
  tableName: 'ledger_seal',
  properties: {
    /** For example `2026-11-25`, UTC. */
    day: p.string().primary(),
    fromPosition: p.integer(),
    toPosition: p.integer(),
    headHash: p.string(),
    signature: p.string(),
  },
});
export class LedgerSeal extends LedgerSealSchema.class {}
LedgerSealSchema.setClass(LedgerSeal);

/** The stretches of the ledger that lie in files. */
const LedgerArchiveSchema = defineEntity({
  name: 'LedgerArchive',
  tableName: 'ledger_archive',
  properties: {
    fromPosition: p.integer().primary(),
    toPosition: p.integer(),
    file: p.string(),
    sha256: p.string(),
    headHash: p.string(),
  },
});
export class LedgerArchive extends LedgerArchiveSchema.class {}
LedgerArchiveSchema.setClass(LedgerArchive);

/** Keeps `ledger_seal` in step. */
export function sealsProjection(connection: Connection): Projection {
  const insert = connection.prepare('insert into ledger_seal values (?, ?, ?, ?, ?)');
  return {
    name: 'ledger_seal',
    isInline: true,
    orderedBy: 'day',
    evolve(events) {
      for (const { body } of events) {
        if (body.type !== 'DaySealed') continue;
        const { day, fromPosition, toPosition, headHash, signature } = body;
        insert.run(day, fromPosition, toPosition, headHash, signature);
      }
    },
  };
}

/** Keeps `ledger_archive` in step; the trigger that guards the events asks it what may be removed. */
export function archivesProjection(connection: Connection): Projection {
  const insert = connection.prepare('insert into ledger_archive values (?, ?, ?, ?, ?)');
  return {
    name: 'ledger_archive',
    isInline: true,
    orderedBy: 'from_position',
    evolve(events) {
      for (const { body } of events) {
        if (body.type !== 'EventsArchived') continue;
        const { fromPosition, toPosition, file, sha256, headHash } = body;
        insert.run(fromPosition, toPosition, file, sha256, headHash);
      }
    },
  };
}
