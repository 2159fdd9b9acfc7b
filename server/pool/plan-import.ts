import { checkKeys, type FoundKey, findKeys } from './find-keys.ts';
import { readKeyCsv } from './key-csv.ts';
import { cleanName, cleanTags, type KeyMarks, problemOfMarks } from './key-marks.ts';

/** Keys to add: any text, one by one, or a CSV. `tags` and `group` are for all of them. */
export interface ImportInput {
  format: 'text' | 'keys' | 'csv';
  content: string | readonly string[];
  tags: readonly string[];
  group: string | null;
  project: string | null;
}

/** A row of an import, before anything is done. */
export interface ImportRow extends FoundKey, KeyMarks {
  /** Number of the first row with the same key; null for that one. */
  repeats: number | null;
}

export interface ImportCounts {
  fresh: number;
  stored: number;
  repeated: number;
  malformed: number;
}

/** The rows of an import, or why the whole is refused: then nothing of it is done. A row's own tags are added to those for all; its own group and project win. */
export function planImport(input: ImportInput): { rows: ImportRow[] } | { problem: string } {
  const { tags, group, project } = input;
  const forAll = { label: null, tags: cleanTags(tags), group: cleanName(group), project: cleanName(project) };
  const problem = problemOfMarks(forAll);
  if (problem !== null) return { problem };
  const found = findIn(input);
  if ('problem' in found) return found;
  const firsts = new Map<string, number>();
  const rows = found.keys.map((key, index): ImportRow => {
    const tags = cleanTags([...forAll.tags, ...(key.tags ?? [])]);
    const { label = null, group, project } = key;
    const marks = { label, tags, group: group ?? forAll.group, project: project ?? forAll.project };
    const first = firsts.get(key.text) ?? null;
    if (first === null) firsts.set(key.text, index + 1);
    return { ...marks, text: key.text, problem: key.problem ?? problemOfMarks(marks), repeats: first };
  });
  return { rows };
}

function findIn({ format, content }: ImportInput): { keys: (FoundKey & Partial<KeyMarks>)[] } | { problem: string } {
  if (typeof content !== 'string') return checkKeys(content);
  return format === 'csv' ? readKeyCsv(content) : findKeys(content);
}

/** What an import would do. @param stored The keys that are there. */
export function countRows(rows: readonly ImportRow[], stored: ReadonlySet<string>): ImportCounts {
  const counts = { fresh: 0, stored: 0, repeated: 0, malformed: 0 };
  for (const { text, problem, repeats } of rows) {
    if (problem !== null) counts.malformed++;
    else if (repeats !== null) counts.repeated++;
    else if (stored.has(text)) counts.stored++;
    else counts.fresh++;
  }
  return counts;
}
