import { keepNewest } from './keep-newest.ts';

/** Which key served a conversation last: what Google keeps of its beginning lies in that key's project. */
export interface Conversations {
  /** The id of the key; null when it is not known, or was too long ago. */
  keyOf(conversation: string, nowMs: number): string | null;
  note(conversation: string, keyId: string, nowMs: number): void;
}

const conversationsMax = 20_000;
/** Google keeps a prefix for some minutes; agents come back after an hour at most. */
const rememberedMs = 3_600_000;

export function createConversations(): Conversations {
  const known = new Map<string, { keyId: string; atMs: number }>();
  return {
    keyOf(conversation, nowMs) {
      const last = known.get(conversation);
      return last && nowMs - last.atMs < rememberedMs ? last.keyId : null;
    },
    note(conversation, keyId, nowMs) {
      known.delete(conversation);
      known.set(conversation, { keyId, atMs: nowMs });
      keepNewest(known, conversationsMax);
    },
  };
}
