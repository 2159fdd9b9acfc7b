import { hash } from 'node:crypto';
import type { TranslatedRequest } from '../formats/format.ts';
import type { GenerateContentRequest } from '../gemini/types.ts';
import type { Call } from './parts.ts';

/** Google keeps no beginning of a prompt that is shorter: 2,048 tokens of four bytes (on the newest models 4,096). */
const keptBytesMin = 8192;

/** Of the first turn so much is looked at. */
const partsMax = 8;
const charactersMax = 4096;

/** Fields by which clients of OpenAI's API tell what belongs together. */
const fields = ['prompt_cache_key', 'safety_identifier', 'user'] as const;

/**
 * Names the conversation that a request goes on with, the same for all of its turns; null where it does not matter which key serves it.
 * Google keeps the beginning of a prompt for some minutes in the project that served it, and counts it at a quarter of the price.
 */
export function conversationOf(
  { clientKeyId, session, body, bodyBytes }: Pick<Call, 'clientKeyId' | 'session' | 'body' | 'bodyBytes'>,
  { calls: [call], model }: Pick<TranslatedRequest, 'calls' | 'model'>,
): string | null {
  if (bodyBytes < keptBytesMin) return null;
  const name = session ?? namedIn(body) ?? beginningOf(call?.body as GenerateContentRequest | undefined);
  // Hashed: no text of a prompt stays in memory.
  return name === null ? null : hash('sha1', `${clientKeyId} ${model} ${name}`, 'base64');
}

function namedIn(body: unknown): string | null {
  const named = body as Record<string, unknown> | null;
  const metadata = named?.metadata as { user_id?: unknown } | null | undefined;
  // Anthropic's clients: the user and the session.
  const name = [...fields.map((field) => named?.[field]), metadata?.user_id].find((value) => typeof value === 'string');
  return typeof name === 'string' && name !== '' ? name : null;
}

/** What the first turn says: all later ones begin with it. */
function beginningOf(request: GenerateContentRequest | undefined): string | null {
  const first = request?.contents?.[0];
  return first
    ? JSON.stringify(first.parts?.slice(0, partsMax).map(({ text }) => text?.slice(0, charactersMax)))
    : null;
}
