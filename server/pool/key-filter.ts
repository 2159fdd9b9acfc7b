import type { KeyMarks } from './key-marks.ts';
import type { UpstreamKeyStatus } from './key-state.ts';

/** Narrows the keys of the pool; what is left out or null narrows nothing. */
export interface KeyFilter {
  status?: readonly UpstreamKeyStatus[] | null;
  /** It has all of these. */
  tags?: readonly string[] | null;
  /** An empty name: those in no group. */
  group?: string | null;
  /** In the label or the masked key, whatever the case. */
  search?: string | null;
}

/** Whether a key passes a filter. */
export function matchesFilter(
  { status, maskedKey, label, tags, group }: KeyMarks & { status: UpstreamKeyStatus; maskedKey: string },
  filter: KeyFilter,
): boolean {
  const asked = filter.search?.trim().toLowerCase() ?? '';
  return (
    (!filter.status || filter.status.includes(status)) &&
    (filter.tags ?? []).every((tag) => tags.includes(tag)) &&
    (filter.group == null || filter.group === (group ?? '')) &&
    (asked === '' || `${label ?? ''}\n${maskedKey}`.toLowerCase().includes(asked))
  );
}
