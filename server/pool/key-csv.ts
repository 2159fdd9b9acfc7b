import Papa from 'papaparse';
import { checkKeys, type FoundKey } from './find-keys.ts';
import { cleanName, type KeyMarks, splitTags } from './key-marks.ts';

/** The columns of a CSV of keys, and the names that other programs have for them. */
const columns = {
  key: ['key', 'api_key', 'apikey', 'api key'],
  label: ['label', 'name'],
  tags: ['tags', 'tag'],
  group: ['group'],
  project: ['project', 'project_id'],
} as const;
type Column = keyof typeof columns;
const columnNames = Object.keys(columns) as Column[];

const textCharactersMax = 1_000_000;

export type CsvKeys = { keys: (FoundKey & KeyMarks)[] } | { problem: string };

/**
 * The keys of a CSV with a line of column names; commas, semicolons or tabs between them. A column that nobody knows refuses the whole,
 * as what is in it would be lost without a word.
 */
export function readKeyCsv(text: string): CsvKeys {
  if (text.length > textCharactersMax)
    return { problem: `The text is too long: at most ${textCharactersMax.toLocaleString('en-US')} characters.` };
  const { data, errors } = Papa.parse<string[]>(text, { delimiter: delimiterOf(text), skipEmptyLines: 'greedy' });
  const [names = [], ...lines] = data;
  const found = names.map(columnOf);
  const problem = problemOfNames(names, found) ?? problemOfLines(lines, names.length, errors);
  if (problem !== null) return { problem };
  const rows = lines.map((cells) => {
    const cellOf = (column: Column) => cells[found.indexOf(column)] ?? '';
    const marks = {
      label: cleanName(cellOf('label')),
      tags: splitTags(cellOf('tags')),
      group: cleanName(cellOf('group')),
      project: cleanName(cellOf('project')),
    };
    return { key: cellOf('key'), marks };
  });
  const checked = checkKeys(rows.map(({ key }) => key));
  if ('problem' in checked) return checked;
  return { keys: checked.keys.map((key, index) => ({ ...key, ...(rows[index] as (typeof rows)[number]).marks })) };
}

/** Keys with their marks, as `readKeyCsv` reads them. What a spreadsheet would run as a formula is written as text. */
export function writeKeyCsv(keys: readonly ({ key: string } & KeyMarks)[]): string {
  const rows = keys.map(({ key, label, tags, group, project }) => [
    key,
    label ?? '',
    tags.join('; '),
    group ?? '',
    project ?? '',
  ]);
  return `${Papa.unparse({ fields: columnNames, data: rows }, { escapeFormulae: true })}\r\n`;
}

/** The one that stands between the names: tags may hold others. */
function delimiterOf(text: string): string {
  const [names = ''] = text.trimStart().split(/[\r\n]/, 1);
  return names.match(/[,;\t]/)?.[0] ?? ',';
}

function columnOf(name: string): Column | undefined {
  const asked = name.trim().toLowerCase();
  return columnNames.find((column) => (columns[column] as readonly string[]).includes(asked));
}

function problemOfNames(names: readonly string[], found: readonly (Column | undefined)[]): string | null {
  const known = `The columns are ${columnNames.join(', ')}; only key is needed.`;
  if (!found.includes('key')) return `The first line of a CSV names its columns, and one of them is key. ${known}`;
  const unknown = names.filter((_name, index) => found[index] === undefined);
  if (unknown.length > 0)
    return `There is no column ${unknown.map((name) => `“${name.trim().slice(0, 40)}”`).join(', ')}. ${known}`;
  return new Set(found).size < found.length ? `Two columns of the CSV mean the same. ${known}` : null;
}

/** Says the line, never what is in it. */
function problemOfLines(lines: readonly string[][], width: number, errors: readonly Papa.ParseError[]): string | null {
  const broken = errors.find(({ type }) => type === 'Quotes');
  if (broken) return `Row ${broken.row ?? 0} of the CSV cannot be read: a quotation mark is missing or misplaced.`;
  const index = lines.findIndex(({ length }) => length > width);
  return index < 0 ? null : `Row ${index + 1} of the CSV has more cells than there are columns.`;
}
