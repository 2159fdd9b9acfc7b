import type { StoredResponse, StoredResponses } from '../formats/format.ts';

/**
 * Keeps the answers of the Responses API for `previous_response_id`, `item_reference` and `GET /v1/responses/{id}`. In memory: a restart
 * forgets them, as do the limits below; clients that need more send the whole conversation.
 */
export interface ResponseStore {
  /** What was stored for one client key, and for nobody else. */
  of(clientKeyId: string): ClientResponses;
}

export interface ClientResponses extends StoredResponses {
  /** Keeps a response, unless it is too large. */
  remember(response: StoredResponse): void;
  /** False when there is no such response. */
  delete(id: string): boolean;
}

interface Entry {
  response: StoredResponse;
  rememberedAt: number;
  /** Keys of its items in the index. */
  itemKeys: string[];
}

const responsesMax = 10_000;
const bytesMax = 64 * 1024 * 1024;
/** A larger one would push out too many others. */
const responseBytesMax = 16 * 1024 * 1024;
const ageMsMax = 24 * 3_600_000;

/** The least recently used goes first. @param now Wall clock, ms since 1970. */
export function createResponseStore(now: () => number): ResponseStore {
  const entries = new Map<string, Entry>();
  const items = new Map<string, { value: Record<string, unknown>; responseKey: string }>();
  let bytes = 0;

  function drop(key: string): boolean {
    const entry = entries.get(key);
    if (!entry) return false;
    entries.delete(key);
    bytes -= entry.response.bytes;
    for (const itemKey of entry.itemKeys) items.delete(itemKey);
    return true;
  }

  function use(key: string): StoredResponse | undefined {
    const entry = entries.get(key);
    if (!entry) return undefined;
    if (now() - entry.rememberedAt > ageMsMax) {
      drop(key);
      return undefined;
    }
    // A Map iterates in order of insertion: putting it back makes it the youngest.
    entries.delete(key);
    entries.set(key, entry);
    return entry.response;
  }

  function remember(key: string, response: StoredResponse, itemKeyOf: (id: string) => string): void {
    if (response.bytes > responseBytesMax) return;
    drop(key);
    const itemKeys = response.body.output.map((value) => {
      const itemKey = itemKeyOf(String(value.id));
      items.set(itemKey, { value, responseKey: key });
      return itemKey;
    });
    entries.set(key, { response, rememberedAt: now(), itemKeys });
    bytes += response.bytes;
    for (const oldest of entries.keys()) {
      if (entries.size <= responsesMax && bytes <= bytesMax) break;
      drop(oldest);
    }
  }

  return {
    of(clientKeyId) {
      // Ids of client keys have no space, so no id that a client sends can reach into those of another.
      const keyOf = (id: string) => `${clientKeyId} ${id}`;
      return {
        get: (id) => use(keyOf(id)),
        item(id) {
          const found = items.get(keyOf(id));
          return found && use(found.responseKey) ? found.value : undefined;
        },
        remember: (response) => remember(keyOf(response.body.id), response, keyOf),
        delete: (id) => drop(keyOf(id)),
      };
    },
  };
}
