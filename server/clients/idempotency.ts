import { connectionOf, type Orm } from '../database.ts';
import type { Idempotency } from '../ledger/events.ts';
import { idempotencyKeptMs } from '../ledger/projections/idempotency-keys.ts';
import type { Vault } from '../secrets/vault.ts';

/** An answer that a repeat of its request gets again. */
export interface KeptAnswer {
  content: string | Buffer;
  headers: Record<string, string>;
}

/** The right of a request to be the one of its `Idempotency-Key`. */
export interface Claim extends Idempotency {
  /** The ledger has it: from now on the key is taken. */
  accepted(): void;
  /** Keeps its answer, if it is small. */
  answered(answer: KeptAnswer): void;
  /** Nothing goes on any more. A key whose request was never accepted is free again. */
  end(): void;
}

export type Claimed =
  | { kind: 'claimed'; claim: Claim }
  | { kind: 'other-body' }
  | { kind: 'running'; requestId: string }
  | { kind: 'done'; requestId: string; answer: KeptAnswer | null };

/** Which `Idempotency-Key` stands for which request: for a day, also over a restart. Answers are kept in memory alone. */
export interface IdempotencyKeys {
  claim(caller: { clientKeyId: string; requestId: string }, key: string, body: string): Claimed;
}

interface Entry {
  bodyHash: string;
  requestId: string;
  at: number;
  isRunning: boolean;
  answer: KeptAnswer | null;
}

const answerBytesMax = 1024 * 1024;
/** Of all kept answers together; the oldest go first. */
const allAnswersBytesMax = 64 * 1024 * 1024;

interface IdempotencyParts {
  orm: Orm;
  vault: Pick<Vault, 'fingerprint'>;
  now(): number;
}

export async function loadIdempotencyKeys({ orm, vault, now }: IdempotencyParts): Promise<IdempotencyKeys> {
  const entries = await readEntries(orm, now() - idempotencyKeptMs);
  let answerBytes = 0;

  function forgetOld(): void {
    for (const [name, entry] of entries) {
      if (entry.at >= now() - idempotencyKeptMs && answerBytes <= allAnswersBytesMax) return;
      if (entry.answer) {
        answerBytes -= Buffer.byteLength(entry.answer.content);
        entry.answer = null;
      }
      if (entry.at < now() - idempotencyKeptMs) entries.delete(name);
    }
  }

  return {
    claim({ clientKeyId, requestId }, key, body) {
      forgetOld();
      const keyHash = vault.fingerprint('idempotency-key', key);
      const bodyHash = vault.fingerprint('idempotent-body', body);
      const name = nameOf(clientKeyId, keyHash);
      const known = entries.get(name);
      if (known) {
        if (known.bodyHash !== bodyHash) return { kind: 'other-body' };
        if (known.isRunning) return { kind: 'running', requestId: known.requestId };
        return { kind: 'done', requestId: known.requestId, answer: known.answer };
      }
      const entry: Entry = { bodyHash, requestId, at: now(), isRunning: true, answer: null };
      entries.set(name, entry);
      let isAccepted = false;
      const claim: Claim = {
        keyHash,
        bodyHash,
        accepted() {
          isAccepted = true;
        },
        answered(answer) {
          const bytes = Buffer.byteLength(answer.content);
          if (bytes > answerBytesMax) return;
          entry.answer = answer;
          answerBytes += bytes;
        },
        end() {
          entry.isRunning = false;
          if (!isAccepted) entries.delete(name);
        },
      };
      return { kind: 'claimed', claim };
    },
  };
}

/** In the order of their age. */
async function readEntries(orm: Orm, since: number): Promise<Map<string, Entry>> {
  type Row = { clientKeyId: string; keyHash: string; bodyHash: string; requestId: string; at: number };
  const rows = (await connectionOf(orm))
    .prepare<[number], Row>(
      `select client_key_id as clientKeyId, key_hash as keyHash, body_hash as bodyHash, request_id as requestId,
         accepted_at as at
       from idempotency_key where accepted_at >= ? order by accepted_at`,
    )
    .all(since);
  const entryOf = ({ bodyHash, requestId, at }: Row): Entry => ({
    bodyHash,
    requestId,
    at,
    isRunning: false,
    answer: null,
  });
  return new Map(rows.map((row) => [nameOf(row.clientKeyId, row.keyHash), entryOf(row)]));
}

function nameOf(clientKeyId: string, keyHash: string): string {
  return `${clientKeyId}/${keyHash}`;
}
