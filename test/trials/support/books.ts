import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { openDatabase } from '../../../server/database.ts';
import { entities } from '../../../server/entities.ts';
import { withScratch } from '../../../server/ledger/cli/databases.ts';
import type { UsageEventBody } from '../../../server/ledger/events.ts';
import { verifyLedger } from '../../../server/ledger/verify.ts';

/** What the database of a gateway holds, read past the gateway. */
export interface Books {
  /** In the order of their positions. */
  events: BookedEvent[];
  /** Rows of requests that are still in progress. */
  openRequests: number;
  /** Masked keys by their ids. */
  upstreamKeys: Map<string, string>;
  clientKeyNames: Set<string>;
}

export interface BookedEvent {
  position: number;
  /** In hex. */
  hash: string;
  body: UsageEventBody;
}

/** @param dataDir Of a gateway that may be running. */
export function readBooks(dataDir: string): Books {
  const database = new DatabaseSync(databaseOf(dataDir), { readOnly: true });
  const read = (sql: string) => database.prepare(sql).all() as Record<string, string | number>[];
  try {
    database.exec('begin');
    const events = read('select position, lower(hex(hash)) as hash, body from usage_event order by position');
    const [open] = read(`select count(*) as count from request where outcome = 'IN_PROGRESS'`);
    const keys = read('select id, masked_key as maskedKey from upstream_key');
    const names = read('select name from client_key where deleted_at is null');
    return {
      events: events.map(({ position, hash, body }) => {
        return { position: Number(position), hash: String(hash), body: JSON.parse(String(body)) };
      }),
      openRequests: Number(open?.count),
      upstreamKeys: new Map(keys.map(({ id, maskedKey }) => [String(id), String(maskedKey)])),
      clientKeyNames: new Set(names.map(({ name }) => String(name))),
    };
  } finally {
    database.close();
  }
}

/** Checks the chain, the positions, and every projection against its rebuild. @returns what is wrong, or null */
export async function verifyBooks(dataDir: string): Promise<string | null> {
  const ledger = await openDatabase(databaseOf(dataDir), entities, 'read');
  try {
    return (await withScratch((scratch) => verifyLedger(ledger, scratch, () => {}))).problem;
  } finally {
    await ledger.close();
  }
}

function databaseOf(dataDir: string): string {
  return join(dataDir, 'gemini-pool.db');
}
