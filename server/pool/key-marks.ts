/** What people say about a key. */
export interface KeyMarks {
  label: string | null;
  /** In the order they were given, each once. */
  tags: string[];
  /** The one group it is in. */
  group: string | null;
  /** The project at Google that it belongs to: keys of one project share their quotas. */
  project: string | null;
}

export const noMarks: Readonly<KeyMarks> = { label: null, tags: [], group: null, project: null };

/** Those of a row of the database. */
export function marksOf(row: Partial<KeyMarks> & Pick<KeyMarks, 'tags'>): KeyMarks {
  return { label: row.label ?? null, tags: row.tags, group: row.group ?? null, project: row.project ?? null };
}

const labelCharactersMax = 100;
const nameCharactersMax = 50;
export const tagsMax = 20;

/** Tags as people write them between commas or semicolons. */
export function splitTags(text: string): string[] {
  return cleanTags(text.split(/[,;]/));
}

export function cleanTags(tags: readonly string[]): string[] {
  return [...new Set(tags.map((tag) => tag.trim()).filter((tag) => tag !== ''))];
}

/** An empty name is none. */
export function cleanName(text: string | null | undefined): string | null {
  return text?.trim() || null;
}

/** Why these cannot be put on a key; null when they can. */
export function problemOfMarks({ label, tags, group, project }: KeyMarks): string | null {
  if (label !== null && !isName(label, labelCharactersMax))
    return `A label has at most ${labelCharactersMax} characters, in one line.`;
  return problemOfTags(tags) ?? problemOfGroup(group) ?? problemOfProject(project);
}

export function problemOfProject(project: string | null): string | null {
  const isGood = project === null || isName(project, labelCharactersMax);
  return isGood ? null : `The name of a project has at most ${labelCharactersMax} characters, in one line.`;
}

export function problemOfGroup(group: string | null): string | null {
  const isGood = group === null || isName(group, nameCharactersMax);
  return isGood ? null : `The name of a group has at most ${nameCharactersMax} characters, in one line.`;
}

export function problemOfTags(tags: readonly string[]): string | null {
  if (tags.length > tagsMax) return `A key has at most ${tagsMax} tags.`;
  const isGood = tags.every((tag) => isName(tag, nameCharactersMax) && !/[,;]/.test(tag));
  return isGood
    ? null
    : `A tag has at most ${nameCharactersMax} characters, in one line, without commas and semicolons.`;
}

function isName(text: string, charactersMax: number): boolean {
  return text.length <= charactersMax && !/\p{Cc}/u.test(text);
}
