import type { GeminiErrorBody } from './types.ts';

/** gRPC status names to HTTP, for errors that come without a code (inside streams). */
const httpStatusOf: ReadonlyMap<string, number> = new Map([
  ['CANCELLED', 499],
  ['INVALID_ARGUMENT', 400],
  ['FAILED_PRECONDITION', 400],
  ['OUT_OF_RANGE', 400],
  ['UNAUTHENTICATED', 401],
  ['PERMISSION_DENIED', 403],
  ['NOT_FOUND', 404],
  ['ABORTED', 409],
  ['ALREADY_EXISTS', 409],
  ['RESOURCE_EXHAUSTED', 429],
  ['UNKNOWN', 500],
  ['INTERNAL', 500],
  ['DATA_LOSS', 500],
  ['UNIMPLEMENTED', 501],
  ['UNAVAILABLE', 503],
  ['DEADLINE_EXCEEDED', 504],
]);
/** Shorter keys are not looked for: they would be found in ordinary words. */
const redactableKeyLengthMin = 8;

/** Google's error in a body that may also be a list, HTML or text. Null when there is none in it. Fields of a wrong type are left out. */
export function parseError(text: string): GeminiErrorBody | null {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return null;
  }
  const first = Array.isArray(value) ? value[0] : value;
  if (!isObject(first) || !isObject(first.error)) return null;
  const { code, message, status, details } = first.error;
  return {
    ...(Number.isInteger(code) && { code: code as number }),
    ...(typeof message === 'string' && { message }),
    ...(typeof status === 'string' && { status }),
    details: objectsOf(details),
  };
}

/** The HTTP status an error object stands for. */
export function statusOf({ code, status }: GeminiErrorBody): number {
  const isHttpError = Number.isInteger(code) && Number(code) >= 400 && Number(code) <= 599;
  return isHttpError ? Number(code) : (httpStatusOf.get(status ?? '') ?? 500);
}

/** Google echoes keys in messages: nothing that looks like one, and not the key that was used, may be logged or passed on. */
export function redactKeys(text: string, usedKey = ''): string {
  const redacted = usedKey.length < redactableKeyLengthMin ? text : text.replaceAll(usedKey, '[key]');
  return redacted.replace(/AIza[\w-]{20,}|AQ\.[\w-]{20,}/g, '[key]');
}

/**
 * A success as it came, less the key that was used. Google names a key in errors alone, but an operation, a batch or a stream that
 * began well carries its error inside a success. Of a stream each read is looked through by itself.
 */
export function withoutKey(bytes: Buffer, usedKey: string): Buffer {
  if (usedKey.length < redactableKeyLengthMin || !bytes.includes(usedKey)) return bytes;
  // Latin-1 has every byte: what is no text comes through unharmed.
  return Buffer.from(bytes.toString('latin1').replaceAll(usedKey, '[key]'), 'latin1');
}

/** The objects in what should be a list of objects. */
export function objectsOf(value: unknown): Record<string, unknown>[] {
  return Array.isArray(value) ? value.filter(isObject) : [];
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null;
}
