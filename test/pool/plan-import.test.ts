import { describe, expect, test } from 'vitest';
import { readKeyCsv, writeKeyCsv } from '../../server/pool/key-csv.ts';
import { countRows, type ImportInput, planImport } from '../../server/pool/plan-import.ts';

const text = (content: string, more: Partial<ImportInput> = {}): ImportInput => ({
  format: 'text',
  content,
  tags: [],
  group: null,
  project: null,
  ...more,
});
const csv = (content: string, more: Partial<ImportInput> = {}) => text(content, { format: 'csv', ...more });

/** The rows of a plan that must be sound. */
function rowsOf(input: ImportInput) {
  const plan = planImport(input);
  if ('problem' in plan) throw new Error(plan.problem);
  return plan.rows;
}

describe('an import', () => {
  test('counts what is new, stored, repeated and malformed before anything is done', () => {
    const rows = rowsOf(text('key-a\nkey-b\nkey-a\nkey c\nkey-d\nkey-b\n'));
    expect(countRows(rows, new Set(['key-b']))).toEqual({ fresh: 2, stored: 1, repeated: 2, malformed: 1 });
    expect(rows.map(({ repeats }) => repeats)).toEqual([null, null, 1, null, null, 2]);
  });

  test('puts the tags and the group for all on every row; a row may add tags and name its own group', () => {
    const rows = rowsOf(csv('key,tags,group\nkey-a,"x; y",\nkey-b,,west', { tags: ['y', ' new '], group: 'east' }));
    expect(rows).toMatchObject([
      { text: 'key-a', tags: ['y', 'new', 'x'], group: 'east' },
      { text: 'key-b', tags: ['y', 'new'], group: 'west' },
    ]);
  });

  test('takes ten thousand rows and not one more, from a text, one by one and from a CSV', () => {
    const keys = Array.from({ length: 10_000 }, (_, index) => `key-${index}`);
    const problem = 'At most 10,000 keys at a time.';
    expect(rowsOf(text(keys.join('\n')))).toHaveLength(10_000);
    expect(rowsOf(csv(`key\n${keys.join('\n')}`))).toHaveLength(10_000);
    expect(planImport(text([...keys, 'more'].join('\n')))).toEqual({ problem });
    expect(planImport(csv(`key\n${[...keys, 'more'].join('\n')}`))).toEqual({ problem });
    expect(planImport({ ...text(''), format: 'keys', content: [...keys, 'more'] })).toEqual({ problem });
  });

  test.each([
    [
      'a group that is too long',
      { group: 'g'.repeat(51) },
      'The name of a group has at most 50 characters, in one line.',
    ],
    ['too many tags', { tags: Array.from({ length: 21 }, (_, index) => `tag-${index}`) }, 'A key has at most 20 tags.'],
    [
      'a tag with a comma',
      { tags: ['a,b'] },
      'A tag has at most 50 characters, in one line, without commas and semicolons.',
    ],
  ])('for all with %s is refused as a whole', (_name, more, problem) => {
    expect(planImport(text('key-a', more))).toEqual({ problem });
  });
});

describe('a CSV', () => {
  test('gives keys with label, tags, group and project, whatever stands between the cells and in which order', () => {
    const expected = {
      keys: [
        { text: 'key-a', problem: null, label: 'Ann, laptop', tags: ['x', 'y'], group: 'team', project: 'p1' },
        { text: 'key-b', problem: null, label: null, tags: [], group: null, project: null },
      ],
    };
    expect(readKeyCsv('key,label,tags,group,project\r\nkey-a,"Ann, laptop",x;y,team,p1\r\n\r\nkey-b,,,,\r\n')).toEqual(
      expected,
    );
    expect(readKeyCsv('\ufeffName;API_KEY;Group;Tags;project_id\nAnn, laptop;key-a;team;x,y;p1\n;key-b')).toEqual(
      expected,
    );
    expect(readKeyCsv('key\tlabel\ttags\tgroup\tproject\nkey-a\tAnn, laptop\tx;y\tteam\tp1\nkey-b')).toEqual(expected);
  });

  test('tells which of its rows is no key', () => {
    const { rows } = planImport(csv(`key,label\n"key\na",x\n,y\nkey-b,${'l'.repeat(101)}\nkey-c,z`)) as never;
    expect(rows).toMatchObject([
      { problem: 'A key has no spaces or line breaks.' },
      { problem: 'It is empty.' },
      { problem: 'A label has at most 100 characters, in one line.' },
      { text: 'key-c', label: 'z', problem: null },
    ]);
  });

  const known = 'The columns are key, label, tags, group, project; only key is needed.';
  test.each([
    ['without column names', 'key-a,x\nkey-b,y', 'The first line of a CSV names its columns, and one of them is key.'],
    ['that is empty', '', 'The first line of a CSV names its columns, and one of them is key.'],
    ['with a column that nobody knows', 'key,weigth\nkey-a,3', `There is no column “weigth”. ${known}`],
    ['with two columns for the same', 'key,label,name\nkey-a,x,y', `Two columns of the CSV mean the same. ${known}`],
    ['with too many cells', 'key,label\nkey-a,x\nkey-b,y,z', 'Row 2 of the CSV has more cells than there are columns.'],
    ['with an open quotation mark', 'key\nkey-a\n"key-b', 'cannot be read: a quotation mark is missing or misplaced.'],
    ['without a row', 'key,label\n', 'There is no key in it.'],
    ['that is too long', `key\n${'x'.repeat(1_000_000)}`, 'The text is too long: at most 1,000,000 characters.'],
  ])('%s is refused as a whole', (_name, content, problem) => {
    const plan = planImport(csv(content));
    expect(plan).toHaveProperty('problem');
    expect((plan as { problem: string }).problem).toContain(problem);
    expect((plan as { problem: string }).problem).not.toContain('key-b');
  });

  test('that was written is read as it was, and holds no formula', () => {
    const marks = { label: 'a "b", c', tags: ['x', 'y'], group: '团队', project: 'projects/12' };
    const written = writeKeyCsv([
      { key: 'key-a', ...marks },
      { key: 'key-b', label: '=1+1', tags: [], group: null, project: null },
    ]);
    expect(readKeyCsv(written)).toEqual({
      keys: [
        { text: 'key-a', problem: null, ...marks },
        { text: 'key-b', problem: null, label: "'=1+1", tags: [], group: null, project: null },
      ],
    });
  });
});
