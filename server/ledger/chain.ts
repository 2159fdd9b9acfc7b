import { createHash } from 'node:crypto';

/** What the hash of an event covers, beside the hash before it. */
export interface ChainLink {
  position: number;
  type: string;
  eventId: string;
  recordedAt: number;
  /** The stored JSON text: bytes, never a re-serialisation of what they mean. */
  body: string;
}

/** The hash before the first event. */
export const genesisHash = Buffer.alloc(32);

/** SHA-256 over the previous hash and the event: whoever changes one event has to change all after it. */
export function chainHash(previous: Uint8Array, link: ChainLink): Buffer {
  return createHash('sha256')
    .update(previous)
    .update(`${link.position}\n${link.type}\n${link.eventId}\n${link.recordedAt}\n${link.body}`)
    .digest();
}
