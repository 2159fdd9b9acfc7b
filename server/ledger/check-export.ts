import { createReadStream } from 'node:fs';
import { createInterface } from 'node:readline';
import { z } from 'zod';
import { chainHash, genesisHash } from './chain.ts';
import type { Verdict } from './verify.ts';

/** A line of an export, as it was written. */
const line = z.object({
  position: z.int().positive(),
  eventId: z.string(),
  type: z.string(),
  schema: z.int(),
  actor: z.string().nullable(),
  occurredAt: z.int(),
  recordedAt: z.int(),
  bootId: z.string(),
  body: z.string(),
  hash: z.string(),
});

/**
 * Checks an NDJSON export by itself: that no line is missing or changed since it was written. One that does not begin with the first event is
 * checked from its second line on.
 */
export async function checkExport(file: string): Promise<Verdict> {
  let [position, hash, eventCount] = [0, genesisHash, 0];
  const verdict = (problem: string | null): Verdict => {
    return {
      isSound: problem === null,
      problem,
      eventCount,
      headPosition: position,
      headHash: hash,
      projectionsHash: null,
    };
  };
  for await (const text of createInterface({ input: createReadStream(file, 'utf8') })) {
    const event = line.safeParse(parse(text)).data;
    if (!event) return verdict(`line ${eventCount + 1} is no event`);
    const isFirstOfPart = eventCount === 0 && event.position > 1;
    if (!isFirstOfPart && event.position !== position + 1) return verdict(`position ${position + 1} is missing`);
    if (!isFirstOfPart && chainHash(hash, event) !== event.hash)
      return verdict(`position ${event.position} does not match its hash`);
    ({ position, hash } = event);
    eventCount++;
  }
  return verdict(eventCount === 0 ? 'the file holds no events' : null);
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return null;
  }
}
