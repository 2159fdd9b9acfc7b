/**
 * Remembers Gemini's thought signatures by tool call id, for the many clients that drop unknown fields: Gemini 3 refuses a call that
 * comes back without its signature. A signature is opaque and is never logged.
 */
export interface SignatureStore {
  get(key: string): RememberedSignature | undefined;
  remember(entries: readonly (RememberedSignature & { key: string })[]): void;
}

export interface RememberedSignature {
  signature: string;
  /** The model that made it. */
  model: string;
}

interface Entry extends RememberedSignature {
  rememberedAt: number;
}

const entriesMax = 10_000;
const bytesMax = 32 * 1024 * 1024;
const ageMsMax = 24 * 3_600_000;

/** In memory, the least recently used goes first. @param now Wall clock, ms since 1970. */
export function createSignatureStore(now: () => number): SignatureStore {
  const entries = new Map<string, Entry>();
  let bytes = 0;

  function drop(id: string): void {
    bytes -= sizeOf(id, entries.get(id));
    entries.delete(id);
  }

  return {
    get(id) {
      const entry = entries.get(id);
      if (!entry) return undefined;
      if (now() - entry.rememberedAt > ageMsMax) {
        drop(id);
        return undefined;
      }
      // A Map iterates in order of insertion: putting it back makes it the youngest.
      entries.delete(id);
      entries.set(id, entry);
      return entry;
    },
    remember(remembered) {
      for (const { key: id, signature, model } of remembered) {
        drop(id);
        const entry = { signature, model, rememberedAt: now() };
        entries.set(id, entry);
        bytes += sizeOf(id, entry);
      }
      for (const id of entries.keys()) {
        if (entries.size <= entriesMax && bytes <= bytesMax) break;
        drop(id);
      }
    },
  };
}

function sizeOf(id: string, entry: Entry | undefined): number {
  return entry ? id.length + entry.signature.length : 0;
}
