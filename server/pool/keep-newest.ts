/** Forgets what was put into a map or a set first, until no more than so much is left in it. */
export function keepNewest(known: Map<string, unknown> | Set<string>, sizeMax: number): void {
  for (const oldest of known.keys()) {
    if (known.size <= sizeMax) return;
    known.delete(oldest);
  }
}
