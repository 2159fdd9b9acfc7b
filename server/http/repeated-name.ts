/**
 * Whether some object in a JSON text has a name twice. Readers then take the first, the last or both (RFC 8259, section 4), so what is
 * decided here about such a text need not hold where it is read next.
 * @param value What `JSON.parse` made of `text`: each name once.
 */
export function hasRepeatedName(text: string, value: unknown): boolean {
  return countNames(text) !== countFields(value);
}

/** A string with a colon behind it is a name. The long texts and data of a request are skipped at the speed of `indexOf`. */
function countNames(text: string): number {
  let count = 0;
  let end = -1;
  for (let start = text.indexOf('"'); start !== -1; start = text.indexOf('"', end + 1)) {
    end = closingQuote(text, start);
    if (isNextColon(text, end + 1)) count++;
  }
  return count;
}

function closingQuote(text: string, start: number): number {
  let end = text.indexOf('"', start + 1);
  while (isEscaped(text, end)) end = text.indexOf('"', end + 1);
  return end;
}

/** By an odd number of backslashes before it. */
function isEscaped(text: string, at: number): boolean {
  let before = at;
  while (text[before - 1] === '\\') before--;
  return (at - before) % 2 === 1;
}

function isNextColon(text: string, from: number): boolean {
  let at = from;
  while (' \t\n\r'.includes(text[at] ?? '.')) at++;
  return text[at] === ':';
}

/** Without recursion: a body may be nested deeper than the stack is. */
function countFields(value: unknown): number {
  let count = 0;
  const left = [value];
  while (left.length > 0) {
    const next = left.pop();
    if (typeof next !== 'object' || next === null) continue;
    const children = Object.values(next);
    if (!Array.isArray(next)) count += children.length;
    for (const child of children) left.push(child);
  }
  return count;
}
