import { isObject } from './read-fields.ts';

/** Thought signatures of one answer, as they travel in the one opaque text that a client keeps for us and sends back. */
export interface SignatureCarrier {
  /** Those of tool calls, by the call's id. */
  calls: ReadonlyMap<string, string>;
  /** That of the text. */
  text: string | undefined;
  /** The model that made them. */
  model: string;
}

/** Tells a carrier of ours from the opaque texts of other vendors. */
const prefix = 'gts1:';

export function encodeCarrier({ calls, text, model }: SignatureCarrier): string {
  const json = JSON.stringify({ c: [...calls], ...(text !== undefined && { t: text }), m: model });
  return prefix + Buffer.from(json).toString('base64url');
}

/** Null for what is no carrier, or one that was damaged: signatures then come from memory, if at all. */
export function decodeCarrier(value: unknown): SignatureCarrier | null {
  if (typeof value !== 'string' || !value.startsWith(prefix)) return null;
  try {
    const json: unknown = JSON.parse(Buffer.from(value.slice(prefix.length), 'base64url').toString());
    if (!isObject(json) || typeof json.m !== 'string' || !Array.isArray(json.c)) return null;
    return {
      calls: new Map(json.c.filter(isPair)),
      text: typeof json.t === 'string' ? json.t : undefined,
      model: json.m,
    };
  } catch {
    return null;
  }
}

function isPair(value: unknown): value is [string, string] {
  return Array.isArray(value) && typeof value[0] === 'string' && typeof value[1] === 'string';
}
