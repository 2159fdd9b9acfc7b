import { describe, expect, test } from 'vitest';
import { changeKey, checkChange } from '../../server/pool/key-change.ts';
import { matchesFilter } from '../../server/pool/key-filter.ts';

const key = { label: 'Ann', tags: ['x', 'y'], group: null, project: null, isEnabled: true };

describe('a change to a key', () => {
  test('puts tags on and takes others off, each once and in order', () => {
    expect(changeKey(key, { kind: 'tag', add: ['z', 'y'], remove: ['x', 'none'] })).toEqual({
      kind: 'changed',
      key: { ...key, tags: ['y', 'z'] },
    });
  });

  test('that changes nothing is told as such', () => {
    expect(changeKey(key, { kind: 'enable' })).toEqual({ kind: 'same' });
    expect(changeKey(key, { kind: 'move', group: null })).toEqual({ kind: 'same' });
    expect(changeKey(key, { kind: 'tag', add: ['x'], remove: [] })).toEqual({ kind: 'same' });
  });

  test('may not give a key more than twenty tags', () => {
    const add = Array.from({ length: 19 }, (_, index) => `tag-${index}`);
    expect(changeKey(key, { kind: 'tag', add, remove: [] })).toMatchObject({ kind: 'refused' });
    expect(changeKey(key, { kind: 'tag', add, remove: ['x'] })).toMatchObject({ kind: 'changed' });
  });

  test('tells its project, or that none is known', () => {
    const placed = { ...key, project: 'projects/12' };
    expect(changeKey(key, { kind: 'project', project: 'projects/12' })).toEqual({ kind: 'changed', key: placed });
    expect(changeKey(placed, { kind: 'project', project: null })).toEqual({ kind: 'changed', key });
    expect(checkChange({ kind: 'project', project: ' ' })).toEqual({ kind: 'project', project: null });
    expect(checkChange({ kind: 'project', project: 'a\nb' })).toHaveProperty('problem');
  });

  test('is refused for all keys when its names are no names', () => {
    expect(checkChange({ kind: 'move', group: ' team ' })).toEqual({ kind: 'move', group: 'team' });
    expect(checkChange({ kind: 'move', group: ' ' })).toEqual({ kind: 'move', group: null });
    expect(checkChange({ kind: 'move', group: 'a\nb' })).toHaveProperty('problem');
    expect(checkChange({ kind: 'tag', add: [' '], remove: [] })).toHaveProperty('problem');
    expect(checkChange({ kind: 'tag', add: ['a;b'], remove: [] })).toHaveProperty('problem');
  });
});

test('a filter passes the keys that have all it asks for', () => {
  const shown = { ...key, status: 'ACTIVE', maskedKey: 'AIza…x7Qp', group: 'team' } as const;
  expect(matchesFilter(shown, {})).toBe(true);
  expect(matchesFilter(shown, { status: ['ACTIVE'], tags: ['y', 'x'], group: 'team', search: ' X7qp ' })).toBe(true);
  expect(matchesFilter(shown, { search: 'ann' })).toBe(true);
  expect(matchesFilter(shown, { status: ['DISABLED'] })).toBe(false);
  expect(matchesFilter(shown, { tags: ['x', 'z'] })).toBe(false);
  expect(matchesFilter(shown, { group: '' })).toBe(false);
  expect(matchesFilter({ ...shown, group: null }, { group: '' })).toBe(true);
  expect(matchesFilter(shown, { search: 'bob' })).toBe(false);
});
