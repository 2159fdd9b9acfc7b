import type { Orm } from '../database.ts';
import type { Execute } from '../ledger/commands.ts';
import type { SignatureEntry, signatureCommands } from './signature-commands.ts';
import { ThoughtSignature } from './thought-signature.entity.ts';

/**
 * Remembers Gemini's thought signatures for the many clients that drop unknown fields: Gemini 3 refuses a tool call that comes back
 * without its signature. Ids that Gemini chose may be the same in two conversations: the last one wins, and a signature that does not
 * fit is repaired by the placeholder. A signature is opaque and is never logged.
 */
export interface SignatureStore {
  /** @param key A tool call id, or a hash of the text or picture that was signed. */
  get(key: string): { signature: string; model: string } | undefined;
  /**
   * Can be read at once, and is queued for the database. The writer keeps the order of its queue: called before the terminal event of
   * a request is appended, it is on disk before the last byte of the answer, in the same commit. A failure is told to `onError` only.
   */
  remember(entries: readonly SignatureEntry[]): void;
}

export interface SignatureStoreParts {
  execute: Execute<typeof signatureCommands>;
  /** A connection that only reads. */
  orm: Orm;
  /** Wall clock, ms since 1970. */
  now(): number;
  /** Signatures were not stored: they are lost with the process. The error does not hold them. */
  onError(error: Error): void;
}

export const ageMsMax = 7 * 24 * 3_600_000;
export const entriesMax = 50_000;
/** Of keys, signatures and models together. */
export const bytesMax = 64 * 1024 * 1024;
/** Those of pictures can be as large as the picture. A larger one is not remembered: it would push out too many others. */
export const entryBytesMax = 8 * 1024 * 1024;

interface Kept {
  signature: string;
  model: string;
  bytes: number;
  rememberedAt: number;
}

/** Memory answers; the table is its copy for the next start. Both forget the oldest first, at the same bounds. */
export async function loadSignatures({ execute, orm, now, onError }: SignatureStoreParts): Promise<SignatureStore> {
  /** Oldest first: a Map iterates in order of insertion. */
  const kept = new Map<string, Kept>();
  let bytes = 0;
  let newestAt = 0;

  function keep({ key, signature, model }: SignatureEntry, rememberedAt: number): void {
    forget(key);
    const entry = { signature, model, bytes: bytesOf(key, signature, model), rememberedAt };
    kept.set(key, entry);
    bytes += entry.bytes;
    newestAt = rememberedAt;
  }

  function forget(key: string): void {
    bytes -= kept.get(key)?.bytes ?? 0;
    kept.delete(key);
  }

  const isExpired = (rememberedAt: number) => now() - rememberedAt > ageMsMax;

  function forgetOldest(): void {
    for (const [key, { rememberedAt }] of kept) {
      if (kept.size <= entriesMax && bytes <= bytesMax && !isExpired(rememberedAt)) return;
      forget(key);
    }
  }

  for (const row of await readNewest(orm, now() - ageMsMax)) keep(row, row.rememberedAt);
  forgetOldest();

  return {
    get(key) {
      const entry = kept.get(key);
      if (!entry || isExpired(entry.rememberedAt)) return undefined;
      return { signature: entry.signature, model: entry.model };
    },
    remember(given) {
      const entries = given.filter(({ key, signature, model }) => bytesOf(key, signature, model) <= entryBytesMax);
      // Later than all before, also when the clock stepped back: the table is pruned by these times.
      const rememberedAt = Math.max(now(), newestAt + 1);
      for (const entry of entries) keep(entry, rememberedAt);
      forgetOldest();
      const [oldest] = kept.values();
      if (entries.length === 0 || !oldest) return;
      const input = { entries, rememberedAt, oldestRememberedAt: oldest.rememberedAt };
      execute('signature.remember', input).catch(onError);
    },
  };
}

/** Oldest first. */
async function readNewest(orm: Orm, sinceMs: number): Promise<ThoughtSignature[]> {
  const newestFirst = { orderBy: { rememberedAt: 'desc' }, limit: entriesMax, disableIdentityMap: true } as const;
  const rows = await orm.em.fork().find(ThoughtSignature, { rememberedAt: { $gte: sinceMs } }, newestFirst);
  return rows.reverse();
}

function bytesOf(key: string, signature: string, model: string): number {
  return Buffer.byteLength(key) + Buffer.byteLength(signature) + Buffer.byteLength(model);
}
