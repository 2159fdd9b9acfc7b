import type { CommandHandler } from '../ledger/commands.ts';

/** A signature under the key it will be asked for by. */
export interface SignatureEntry {
  /** A tool call id, or a hash of the text or picture that was signed. */
  key: string;
  /** Opaque; never logged. */
  signature: string;
  /** That made it. */
  model: string;
}

interface Remembering {
  entries: readonly SignatureEntry[];
  /** Ms since 1970. */
  rememberedAt: number;
  /** Of the oldest one that is kept: what was remembered before it is forgotten. */
  oldestRememberedAt: number;
}

/** Plain statements: most answers come this way, and through the ORM it would take nine times as long. */
const remember: CommandHandler<Remembering, null> = ({ connection }, { entries, rememberedAt, oldestRememberedAt }) => {
  const insert = connection.prepare(
    `insert into thought_signature (key, signature, model, remembered_at) values (?, ?, ?, ?)
     on conflict do update set signature = excluded.signature, model = excluded.model, remembered_at = excluded.remembered_at`,
  );
  for (const { key, signature, model } of entries) insert.run(key, signature, model, rememberedAt);
  connection.prepare('delete from thought_signature where remembered_at < ?').run(oldestRememberedAt);
  return { events: [], result: null };
};

export const signatureCommands = { 'signature.remember': remember };
