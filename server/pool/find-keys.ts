/** Something in a pasted text that is a Gemini key, or was meant as one. */
export interface FoundKey {
  text: string;
  /** Why it cannot be one; null when it can. */
  problem: string | null;
}

/** What was found, or why the whole input is refused. */
export type FoundKeys = { keys: FoundKey[] } | { problem: string };

const textCharactersMax = 1_000_000;
const keysMax = 10_000;
const keyCharactersMax = 500;
/** Google's two kinds of keys, as they stand in any text. */
const knownKey = /(?<![\w-])(?:AIza[\w-]{35}|AQ\.[\w-]{20,})(?![\w-])/g;
/** What people write around a key in a list or an environment file. */
const wrapping = /^\s*(?:[-*•]\s+)?(?:export\s+)?(?:[A-Z_][A-Z0-9_]*\s*=\s*(?=\S))?|["'`]+/g;

/**
 * The keys in a pasted text. Google's known shapes are found anywhere; beyond them every line, or every part between commas, is one key,
 * as Google promises no shape. Lines of prose around known keys are passed over.
 */
export function findKeys(text: string): FoundKeys {
  if (text.length > textCharactersMax)
    return { problem: `The text is too long: at most ${textCharactersMax.toLocaleString('en-US')} characters.` };
  const hasKnownKey = text.search(knownKey) >= 0;
  const keys = text.split(/\r\n?|\n/).flatMap((line) => keysOfLine(line, hasKnownKey));
  return limited(keys);
}

/** Keys that were given one by one: nothing is searched in them. */
export function checkKeys(texts: readonly string[]): FoundKeys {
  return limited(texts.map((text) => text.trim()).map((text) => ({ text, problem: problemOf(text) })));
}

function limited(keys: FoundKey[]): FoundKeys {
  if (keys.length > keysMax) return { problem: `At most ${keysMax.toLocaleString('en-US')} keys at a time.` };
  if (!keys.some(({ problem }) => problem === null)) return { problem: 'There is no key in it.' };
  return { keys };
}

function keysOfLine(line: string, isProseExpected: boolean): FoundKey[] {
  const known = line.match(knownKey);
  if (known) return known.map((text) => ({ text, problem: null }));
  const parts = line
    .replace(wrapping, '')
    .split(/[,;]/)
    .map((part) => part.trim())
    .filter((part) => part !== '' && !part.startsWith('#'));
  const found = parts.map((text) => ({ text, problem: problemOf(text) }));
  return isProseExpected ? found.filter(({ problem }) => problem === null) : found;
}

/** Google may change the shape of keys at any time, so only what no header can carry is refused. */
function problemOf(text: string): string | null {
  if (text === '') return 'It is empty.';
  if (text.length > keyCharactersMax) return `It is longer than ${keyCharactersMax} characters.`;
  if (/\s/.test(text)) return 'A key has no spaces or line breaks.';
  return /^[\x21-\x7e]+$/.test(text) ? null : 'A key has plain ASCII characters only.';
}
