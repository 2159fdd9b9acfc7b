/** Whether a pattern fits a text. `*` stands for any characters, none too; upper and lower case are the same. */
export function matchesPattern(pattern: string, text: string): boolean {
  const [head = '', ...pieces] = pattern.toLowerCase().split('*');
  const rest = text.toLowerCase();
  const tail = pieces.pop();
  if (tail === undefined) return rest === head;
  if (!rest.startsWith(head)) return false;
  let from = head.length;
  for (const piece of pieces) {
    const at = rest.indexOf(piece, from);
    if (at < 0) return false;
    from = at + piece.length;
  }
  return rest.length - from >= tail.length && rest.endsWith(tail);
}

/** The order in which patterns are tried: an exact one beats one with a wildcard, a longer one a shorter. */
export function strongestFirst(patterns: Iterable<string>): string[] {
  const isWild = (pattern: string) => Number(pattern.includes('*'));
  return [...patterns].sort((a, b) => isWild(a) - isWild(b) || b.length - a.length);
}
