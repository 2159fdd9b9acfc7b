import {
  cleanName,
  cleanTags,
  type KeyMarks,
  problemOfGroup,
  problemOfProject,
  problemOfTags,
  tagsMax,
} from './key-marks.ts';

/** What is done to many keys at once. */
export type KeyChange =
  | { kind: 'enable' | 'disable' | 'delete' }
  | { kind: 'tag'; add: readonly string[]; remove: readonly string[] }
  /** Null: out of any group. */
  | { kind: 'move'; group: string | null }
  /** Null: none is known. */
  | { kind: 'project'; project: string | null };

/** The change with tidy names, or why it cannot be made to any key. */
export function checkChange(change: KeyChange): KeyChange | { problem: string } {
  if (change.kind === 'move') {
    const group = cleanName(change.group);
    const problem = problemOfGroup(group);
    return problem === null ? { kind: 'move', group } : { problem };
  }
  if (change.kind === 'project') {
    const project = cleanName(change.project);
    const problem = problemOfProject(project);
    return problem === null ? { kind: 'project', project } : { problem };
  }
  if (change.kind !== 'tag') return change;
  const [add, remove] = [cleanTags(change.add), cleanTags(change.remove)];
  if (add.length + remove.length === 0) return { problem: 'Give tags to put on or to take off.' };
  const problem = problemOfTags(add);
  return problem === null ? { kind: 'tag', add, remove } : { problem };
}

/** The part of a key that a change can be about. */
export type ChangeableKey = KeyMarks & { isEnabled: boolean };

export type ChangeResult =
  | { kind: 'changed'; key: ChangeableKey }
  | { kind: 'same' }
  | { kind: 'refused'; why: string };

/** What a key is after a change. A deleted one is switched off. */
export function changeKey(key: ChangeableKey, change: KeyChange): ChangeResult {
  switch (change.kind) {
    case 'enable':
    case 'disable':
      return changed(key, { isEnabled: change.kind === 'enable' });
    case 'delete':
      return { kind: 'changed', key: { ...key, isEnabled: false } };
    case 'move':
      return changed(key, { group: change.group });
    case 'project':
      return changed(key, { project: change.project });
    case 'tag': {
      const removed = new Set(change.remove);
      const tags = cleanTags([...key.tags.filter((tag) => !removed.has(tag)), ...change.add]);
      if (tags.length > tagsMax) return { kind: 'refused', why: `A key has at most ${tagsMax} tags.` };
      return changed(key, { tags });
    }
  }
}

function changed(key: ChangeableKey, part: Partial<ChangeableKey>): ChangeResult {
  const next = { ...key, ...part };
  return JSON.stringify(next) === JSON.stringify(key) ? { kind: 'same' } : { kind: 'changed', key: next };
}
