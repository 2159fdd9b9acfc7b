/** A stretch of a list. */
export interface Page<Node> {
  nodes: Node[];
  hasNextPage: boolean;
  /** Where the next page begins; null for an empty page. */
  endCursor: string | null;
  /** Length of the whole list. */
  totalCount: number;
}

export interface PageQuery {
  first: number;
  /** `endCursor` of the page before; null for the first one. */
  after: string | null;
}

const firstMax = 500;

export function clampFirst(first: number): number {
  return Math.min(Math.max(Math.trunc(first), 0), firstMax);
}

/** @param found One more than asked for when there are more. */
export function toPage<Node>(
  found: Node[],
  first: number,
  totalCount: number,
  cursorOf: (node: Node) => string,
): Page<Node> {
  const nodes = found.slice(0, first);
  const last = nodes.at(-1);
  return { nodes, hasNextPage: found.length > first, endCursor: last ? cursorOf(last) : null, totalCount };
}
