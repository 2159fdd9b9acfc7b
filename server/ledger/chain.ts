import { hash } from 'node:crypto';

/** What the hash of an event covers, beside the hash before it: every column that the body does not repeat. */
export interface ChainLink {
  position: number;
  eventId: string;
  type: string;
  schema: number;
  actor: string | null;
  occurredAt: number;
  recordedAt: number;
  bootId: string;
  /** The stored JSON text: bytes, never a re-serialisation of what they mean. */
  body: string;
}

/** The hash before the first event. Hashes are 64 hex digits here, 32 bytes in the database. */
export const genesisHash = '0'.repeat(64);

/**
 * SHA-256 over the previous hash in hex and the event, one field per line in the order of `ChainLink`, no actor being an empty line;
 * all as UTF-8. Whoever changes one event has to change all after it.
 */
export function chainHash(previous: string, link: ChainLink): string {
  const { position, eventId, type, schema, actor, occurredAt, recordedAt, bootId, body } = link;
  const fields = `${position}\n${eventId}\n${type}\n${schema}\n${actor ?? ''}\n${occurredAt}\n${recordedAt}\n${bootId}`;
  return hash('sha256', `${previous}\n${fields}\n${body}`, 'hex');
}
